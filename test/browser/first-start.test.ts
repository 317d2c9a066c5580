import { join } from 'node:path'
import t from 'tap'
import { unpackDatabase } from '../support/database.ts'
import { visit } from './open-page.ts'
import { printedCode, startServer } from '../support/start-process.ts'

t.test('a user logs in with the printed password and code after a first start', async t => {
  const folder = t.testdir()
  await unpackDatabase(join(folder, 'data/pglite'))
  const server = await startServer(t, { folder })
  const [, password = ''] = await server.prints(/demo, password (\S+) \(shown this once\)/)
  const [, url = ''] = await server.prints(/Open (\S+) in a browser/)
  const { page } = await visit(t, url)

  await page.getByLabel('Username').fill('demo')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Send me a code' }).click()
  await page.getByText("in the server's terminal").waitFor()
  await server.prints(/NOT SENT.*\n\d{6} /)
  await page.getByLabel('Code', { exact: true }).fill(printedCode(server.printed()))
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.locator('#me dd').first().waitFor()
  t.match(await page.locator('#me').innerText(), /demo[^]*ending in 06/)
})

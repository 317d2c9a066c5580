import t from 'tap'
import { problemKinds } from '../../src/http/problem-kinds.ts'
import { visit } from '../support/open-page.ts'
import { start } from '../support/start.ts'

t.test('/docs shows all calls and what to do about each problem, lets one be tried, and asks nobody else for anything', async t => {
  const { app } = await start(t, { docs: true })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const { page, context } = await visit(t, `${url}/livez`, { viewport: { width: 1280, height: 800 } })
  const asked = new Set<string>()
  context.on('request', request => { asked.add(new URL(request.url()).origin) })

  await page.goto(`${url}/docs`)
  const operation = page.locator('.opblock')
  await operation.first().waitFor()
  t.ok(await operation.count() > 12)
  const introduction = (await page.locator('.info').innerText()).replaceAll(/\s+/g, ' ')
  for (const [slug, { remedy }] of Object.entries(problemKinds)) t.ok(introduction.includes(remedy.replaceAll('`', '')), slug)

  const livez = page.locator('.opblock', { hasText: '/livez' })
  await livez.click()
  await livez.getByRole('button', { name: 'Try it out' }).click()
  await livez.getByRole('button', { name: 'Execute' }).click()
  await livez.locator('.live-responses-table').getByText('200', { exact: true }).waitFor()

  await page.goto(`${url}/problems/wrong-code`)
  t.equal(page.url(), `${url}/docs/problems#wrong-code`)
  t.match(await page.locator(':target').innerText(), /^wrong-code 401: Wrong code/)
  t.same([...asked], [url])
})

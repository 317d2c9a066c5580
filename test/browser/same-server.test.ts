import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import newman, { type NewmanRunOptions, type NewmanRunSummary } from 'newman'
import type { ItemDefinition } from 'postman-collection'
import t from 'tap'
import { smsLogin } from '../../examples/client.ts'
import { unpackDatabase } from '../support/database.ts'
import { visit } from './open-page.ts'
import { startServer, startProgram } from '../support/start-process.ts'
import { transfer } from '../support/start-app.ts'

// A server as after `npm start`: it has the demo user and prints codes on its terminal. Each client
// in docs/clients.md goes through the whole flow on this server, one after another.
const examples = join(import.meta.dirname, '../../examples')
const folder = t.testdir()
// An existing database, because creating one takes seconds. main.test.ts tests a first start.
await unpackDatabase(join(folder, 'data/pglite'))
const server = await startServer(t, { folder, env: { LIMIT_TEXTS_PER_PHONE_HOUR: '0' } })
const [, password = ''] = await server.prints(/demo, password (\S+)/)

type Item = ItemDefinition & { request: { method: string; url: { path: string[] } } }

let read = 0
/** Returns the code in the next message on the server's terminal. */
async function nextCode(): Promise<string> {
  const {
    index,
    0: { length },
    1: code = ''
  } = await server.prints(/NOT SENT.*\n(\d{6,8}) /, read)
  read += index + length
  return code
}

t.test(
  'Postman (newman): the first folder runs in order, and a change of number after another login',
  async t => {
    const fileOf = (name: string) =>
      JSON.parse(readFileSync(join(examples, 'postman', name), 'utf8'))
    const collection = fileOf('collection.json')
    const folders: Item[][] = collection.item.map(({ item }: { item: Item[] }) => item)
    const [flow = []] = folders
    const login = flow.slice(
      0,
      1 + flow.findIndex(({ request }) => request.url.path[0] === 'verify')
    )
    const change = folders
      .flat()
      .filter(({ request: { method, url } }) => method === 'POST' && url.path[1] === 'phone')
    const run = promisify<NewmanRunOptions, NewmanRunSummary>(newman.run)

    let environment = fileOf('environment.json')
    const setVariable = (key: string, value: string) => {
      environment.values.find((variable: { key: string }) => variable.key === key).value = value
    }
    setVariable('baseUrl', server.url)
    setVariable('password', password)
    const statuses: (number | undefined)[] = []
    for (const item of [...flow, ...login, ...change]) {
      if (item.request.url.path.at(-1) === 'verify') setVariable('code', await nextCode())
      const summary = await run({ collection: { ...collection, item: [item] }, environment })
      t.same(
        summary.run.failures.map(({ error }) => error.message),
        [],
        `${item.name}`
      )
      t.equal(summary.run.stats.assertions.total, 1)
      statuses.push(...summary.run.executions.map(({ response }) => response.code))
      environment = summary.environment.toJSON()
    }
    const ofFlow = [200, 200, 200, 200, 200, 200, 200, 201, 200, 204]
    t.same(statuses, [...ofFlow, 200, 200, 200, 200, 204])
    t.match(environment.values.find(({ key }: { key: string }) => key === 'receipt').value, /^eyJ/)
  }
)

t.test('shell: examples/login.sh', async t => {
  const terminal = startProgram(t, 'sh', [join(examples, 'login.sh')], {
    folder,
    env: { SMS_LOGIN_URL: server.url }
  })
  terminal.type('demo')
  terminal.type(password)
  terminal.type(await nextCode())
  terminal.type(await nextCode())
  for (const unchanged of ['', '']) terminal.type(unchanged)
  const { code, stdout, stderr } = await terminal.ended
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.match(stdout, /"username":"demo"[^]*Confirmed: [^]*\n {3}401 invalid-token\n$/)
})

t.test('app: examples/client.ts', async t => {
  const stored: (string | undefined)[] = []
  const { login, verify, resume, api } = smsLogin(server.url, async refreshToken => {
    stored.push(refreshToken)
  })
  const { data: pending } = await login('demo', password)
  t.equal((await verify(pending?.challengeToken ?? 'none', await nextCode())).error, undefined)
  t.match((await api.GET('/me')).data, { username: 'demo' })
  await resume(stored.at(-1) ?? 'none')
  const { data: requested } = await api.POST('/confirmations', { body: transfer })
  const { data: confirmed } = await api.POST('/confirmations/verify', {
    body: { confirmationToken: requested?.confirmationToken ?? 'none', code: await nextCode() }
  })
  t.match(confirmed, { receipt: /^eyJ/ })
  t.equal(
    (await api.POST('/logout', { body: { refreshToken: stored.at(-1) ?? 'none' } })).response
      .status,
    204
  )
  t.match((await api.GET('/me')).error, { type: '/problems/invalid-token' })
  t.same(
    stored.map(token => typeof token),
    ['string', 'string', 'undefined']
  )
})

t.test('browser: the page at /', async t => {
  const { page } = await visit(t, server.url)
  await page.getByLabel('Username').fill('demo')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Send me a code', exact: true }).click()
  await page.getByLabel('Code', { exact: true }).fill(await nextCode())
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('button', { name: 'Refresh now' }).click()
  await page.getByRole('status').getByText('Refreshed').waitFor()
  t.match(await page.locator('#me').innerText(), 'demo')

  await page.getByLabel('Payee').fill('Grace Hopper')
  await page.getByRole('button', { name: 'Send me a code for this' }).click()
  await page.getByText('Send 250.00 EUR to Grace Hopper').waitFor()
  await page.getByLabel('Code', { exact: true }).fill(await nextCode())
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('heading', { name: 'Confirmed' }).waitFor()
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByText('You are logged out.').waitFor()
})

import { readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import converter from 'openapi-to-postmanv2'

type Item = { name: string, request: { method: string, url: { path: string[] }, auth?: object | null, body?: { raw?: string } }, event?: object[] }
type Collection = { item: { name: string, item: Item[] }[] }

const bearer = { type: 'bearer', bearer: [{ key: 'token', value: '{{accessToken}}' }] }
const transfer = { action: 'transfer', data: { amount: '250.00', currency: 'EUR', payee: 'Grace Hopper' }, reference: 'example-1' }

/** What is sent with each request that has a body, of the environment, and what of its answer the environment keeps. */
const chain: Record<string, { body: object, keeps?: string[] }> = {
  'POST login': { body: { username: '{{username}}', password: '{{password}}' }, keeps: ['challengeToken'] },
  'POST verify': { body: { challengeToken: '{{challengeToken}}', code: '{{code}}' }, keeps: ['accessToken', 'refreshToken'] },
  'POST resend': { body: { challengeToken: '{{challengeToken}}' }, keeps: ['challengeToken'] },
  'POST refresh': { body: { refreshToken: '{{refreshToken}}' }, keeps: ['accessToken', 'refreshToken'] },
  'POST logout': { body: { refreshToken: '{{refreshToken}}' } },
  'POST confirmations': { body: transfer, keeps: ['confirmationToken'] },
  'POST confirmations/resend': { body: { confirmationToken: '{{confirmationToken}}' }, keeps: ['confirmationToken'] },
  'POST confirmations/verify': { body: { confirmationToken: '{{confirmationToken}}', code: '{{code}}' }, keeps: ['receipt'] }
}

/** The order in which they make sense, each going on with what those before it have kept. */
const flow = ['POST login', 'POST verify', 'GET me', 'GET sessions', 'POST refresh', 'POST confirmations', 'POST confirmations/verify', 'POST logout']

/** The files for Postman, as openapi.yaml has the calls. */
export async function postmanFiles (yaml: string) {
  const converted = await promisify(converter.convertV2)({ type: 'string', data: yaml }, { folderStrategy: 'Tags' })
  if (!converted?.result) throw new Error(converted?.reason)
  const { item: folders, ...head }: Collection = JSON.parse(JSON.stringify(converted.output?.[0]?.data, without('id', '_postman_id', 'response')))
  const items = folders.flatMap(({ item }) => item)
  for (const item of items) {
    const { body, keeps = [] } = chain[nameOf(item)] ?? {}
    if (item.request.auth != null) item.request.auth = bearer
    if ((item.request.body?.raw === undefined) !== (body === undefined)) throw new Error(`What does ${nameOf(item)} send?`)
    if (body === undefined) delete item.request.body
    else Object.assign(item.request.body ?? {}, { raw: JSON.stringify(body, null, 2) })
    item.event = [{ listen: 'test', script: { type: 'text/javascript', exec: script(keeps) } }]
  }
  const inOrder = flow.map(name => items.find(item => nameOf(item) === name))
  return {
    'collection.json': text({ ...head, item: [{ name: 'The whole flow, one after another', item: inOrder }, ...folders] }),
    'environment.json': text({
      name: 'sms-login',
      values: ['baseUrl', 'username', 'password', 'code', 'challengeToken', 'accessToken', 'refreshToken', 'confirmationToken', 'receipt'].map(key =>
        ({ key, value: { baseUrl: 'http://127.0.0.1:3000', username: 'demo' }[key] ?? '', type: ['baseUrl', 'username'].includes(key) ? 'default' : 'secret', enabled: true }))
    })
  }
}

const nameOf = ({ request }: Item) => `${request.method} ${request.url.path.join('/')}`

const script = (keeps: string[]) => [
  "pm.test('is no problem', () => pm.expect(pm.response.code).to.be.below(400))",
  ...keeps.map(name => `if (pm.response.code < 400) pm.environment.set('${name}', pm.response.json().${name})`)
]

/** For JSON.stringify: ids are drawn anew each time, and so are the examples of answers. */
const without = (...keys: string[]) => (key: string, value: unknown) => keys.includes(key) ? undefined : value

const text = (value: object) => `${JSON.stringify(value, null, 2)}\n`

if (import.meta.url === `file://${process.argv[1]}`) {
  const files = await postmanFiles(readFileSync(new URL('../openapi.yaml', import.meta.url), 'utf8'))
  for (const [name, content] of Object.entries(files)) writeFileSync(new URL(`../examples/postman/${name}`, import.meta.url), content)
}

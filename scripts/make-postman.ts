import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { isMain } from '../src/commands/is-main.ts'

type Item = {
  name: string
  request: {
    method: string
    url: { path: string[]; host: string[]; query: object[]; variable: object[] }
    auth?: object | null
    body?: { raw?: string }
  }
  event?: object[]
}
type Collection = { item: { name: string; item: Item[] }[] }
type Converted = { result: boolean; reason?: string; output?: { data: object }[] }

const bearer = (variable: string) => ({
  type: 'bearer',
  bearer: [{ key: 'token', value: `{{${variable}}}` }]
})
const transfer = {
  action: 'transfer',
  data: { amount: '250.00', currency: 'EUR', payee: 'Grace Hopper' },
  reference: 'example-1'
}

/** The body of each request, and the fields of its response that the environment stores. */
const chain: Record<string, { body: object; storedFields?: string[] }> = {
  'POST login': {
    body: { username: '{{username}}', password: '{{password}}' },
    storedFields: ['challengeToken']
  },
  'POST verify': {
    body: { challengeToken: '{{challengeToken}}', code: '{{code}}' },
    storedFields: ['accessToken', 'refreshToken']
  },
  'POST resend': {
    body: { challengeToken: '{{challengeToken}}' },
    storedFields: ['challengeToken']
  },
  'POST challenge': { body: { challengeToken: '{{challengeToken}}' } },
  'POST refresh': {
    body: { refreshToken: '{{refreshToken}}' },
    storedFields: ['accessToken', 'refreshToken']
  },
  'PATCH me': { body: { locale: null } },
  'POST me/password': {
    body: { currentPassword: '{{password}}', newPassword: '{{newPassword}}' }
  },
  'DELETE me': { body: { password: '{{password}}' } },
  'POST me/phone': { body: { phone: '{{newPhone}}' }, storedFields: ['challengeToken'] },
  'POST me/phone/verify': {
    body: { challengeToken: '{{challengeToken}}', code: '{{code}}' }
  },
  'POST logout': { body: { refreshToken: '{{refreshToken}}' } },
  'POST confirmations': { body: transfer, storedFields: ['confirmationToken'] },
  'POST confirmations/resend': {
    body: { confirmationToken: '{{confirmationToken}}' },
    storedFields: ['confirmationToken']
  },
  'POST confirmations/verify': {
    body: { confirmationToken: '{{confirmationToken}}', code: '{{code}}' },
    storedFields: ['receipt']
  }
}

const adminChain: typeof chain = {
  'POST users': {
    body: { username: 'ada@example.com', password: '{{newPassword}}', phone: '+12025550143' }
  },
  'PATCH users/:id': { body: { locale: 'pt-BR' } }
}

/** The order of the requests of a complete session. Each uses values that earlier ones stored. */
const flow = [
  'POST login',
  'POST challenge',
  'POST verify',
  'GET me',
  'PATCH me',
  'GET sessions',
  'POST refresh',
  'POST confirmations',
  'POST confirmations/verify',
  'POST logout'
]

/** Returns the files for Postman that correspond to openapi.yaml. */
export async function postmanFiles(yaml: string) {
  const converter = createRequire(new URL('postman/', import.meta.url))('openapi-to-postmanv2')
  const converted: Converted = await promisify(converter.convertV2)(
    { type: 'string', data: yaml },
    { folderStrategy: 'Tags' }
  )
  if (!converted.result) throw new Error(converted.reason)
  const { item: folders, ...head }: Collection = JSON.parse(
    JSON.stringify(converted.output?.[0]?.data, without('id', '_postman_id', 'response'))
  )
  const items = folders.flatMap(({ item }) => item)
  for (const item of items) {
    const { body, storedFields = [] } = { ...chain, ...adminChain }[nameOf(item)] ?? {}
    if (item.request.auth) item.request.auth = bearer('accessToken')
    if (item.request.url.path[0] === 'users') toAdminApi(item)
    if ((item.request.body?.raw === undefined) !== (body === undefined))
      throw new Error(`The chain in make-postman.ts lacks the body of ${nameOf(item)}`)
    if (body === undefined) delete item.request.body
    else Object.assign(item.request.body ?? {}, { raw: JSON.stringify(body, null, 2) })
    item.event = [
      { listen: 'test', script: { type: 'text/javascript', exec: script(storedFields) } }
    ]
  }
  const inOrder = flow.map(name => items.find(item => nameOf(item) === name))
  return {
    'collection.json': text({
      ...head,
      event: [{ listen: 'prerequest', script: { type: 'text/javascript', exec: trimBaseUrl } }],
      item: [{ name: 'Complete session', item: inOrder }, ...folders]
    }),
    'environment.json': text({
      name: 'sms-login',
      values: [
        'baseUrl',
        'username',
        'password',
        'newPassword',
        'newPhone',
        'code',
        'challengeToken',
        'accessToken',
        'refreshToken',
        'confirmationToken',
        'receipt',
        'adminUrl',
        'apiKey',
        'userId'
      ].map(key => ({
        key,
        value: values[key] ?? '',
        type: key in values ? 'default' : 'secret',
        enabled: true
      }))
    })
  }
}

/** The values of the environment's variables that contain no secret. */
const values: Record<string, string> = {
  baseUrl: 'http://127.0.0.1:3000',
  username: 'demo',
  newPhone: '+12025550143',
  adminUrl: 'http://127.0.0.1:3001',
  userId: ''
}

/**
 * Sets the address and the key of the admin API. Disables the filters, for which the converter has
 * generated random values.
 */
function toAdminApi({ request }: Item) {
  request.auth = bearer('apiKey')
  request.url.host = ['{{adminUrl}}']
  request.url.query = request.url.query.map(parameter => ({
    ...parameter,
    value: '',
    disabled: true
  }))
  request.url.variable = request.url.variable.map(parameter => ({
    ...parameter,
    value: '{{userId}}'
  }))
}

const nameOf = ({ request }: Item) => `${request.method} ${request.url.path.join('/')}`

const script = (storedFields: string[]) => [
  "pm.test('is not a problem', () => pm.expect(pm.response.code).to.be.below(400))",
  ...storedFields.map(
    name => `if (pm.response.code < 400) pm.environment.set('${name}', pm.response.json().${name})`
  )
]

/** Removes trailing slashes from the address, because each path starts with a slash. */
const trimBaseUrl = [
  "pm.environment.set('baseUrl', pm.environment.get('baseUrl').replace(/[/]+$/, ''))"
]

/** A replacer for JSON.stringify that drops random ids and examples, which change on each run. */
const without =
  (...keys: string[]) =>
  (key: string, value: unknown) =>
    keys.includes(key) ? undefined : value

const text = (value: object) => `${JSON.stringify(value, null, 2)}\n`

if (isMain(import.meta)) {
  const files = await postmanFiles(
    readFileSync(new URL('../openapi.yaml', import.meta.url), 'utf8')
  )
  for (const [name, content] of Object.entries(files))
    writeFileSync(new URL(`../examples/postman/${name}`, import.meta.url), content)
}

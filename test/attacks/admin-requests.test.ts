import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { problemKinds } from '../../src/http/problems/problem-kinds.ts'
import { startAdmin } from '../support/start-admin.ts'
import { ada, slugOf } from '../support/start-app.ts'

const names = [
  ...['username', 'password', 'passwordHash', 'phone', 'locale', 'claims', 'disabled'],
  ...['id', '__proto__', 'constructor', 'toString', 'usernameKey', 'codeFailures', '']
]

const values = fc.oneof(
  fc.constantFrom('', '\0', '\ud800', '{}', "'; DROP TABLE users; --", '%', '../..', 'null'),
  fc.constantFrom(null, true, -1, 1e308, 2 ** 53, [], {}, [[]], { toString: 1 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.jsonValue({ stringUnit: 'binary' })
)

/** JSON bodies, including text that `JSON.stringify` cannot produce. */
const bodies = fc.oneof(
  fc
    .dictionary(fc.oneof(fc.constantFrom(...names), fc.string({ unit: 'binary' })), values, {
      maxKeys: 5
    })
    .map(body => JSON.stringify(body)),
  fc.record({ username: values, password: values }).map(body => JSON.stringify(body)),
  fc.json(),
  fc.constantFrom(
    '{"username":"eve","username":"mallory"}',
    '{"claims":{"__proto__":{}}}',
    '{"claims":{"constructor":{"prototype":{}}}}',
    '{"claims":{"n":1e999}}',
    '{"claims":{"n":0.1000000000000000055511151231257827}}',
    `{"claims":${'['.repeat(5000)}${']'.repeat(5000)}}`,
    `{"claims":{"a":${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}}}`,
    `{"username":"${'x'.repeat(20_000)}"}`
  )
)

/** Asserts that a response is a success or a documented problem below 500. */
function assertExpected({
  statusCode,
  headers,
  payload
}: {
  statusCode: number
  headers: object
  payload: string
}) {
  assert.ok(statusCode < 500, `${statusCode} ${payload}`)
  if (statusCode < 300) return
  const { type, status } = JSON.parse(payload)
  assert.match(JSON.stringify(headers), /"content-type":"application\/problem\+json/)
  assert.equal(status, statusCode)
  assert.ok(Object.hasOwn(problemKinds, type.replace('/problems/', '')), type)
}

t.test('no body, query or path causes an internal error or reaches another user', async t => {
  const { admin, idOf, login, prisma, logged } = await startAdmin(t)
  const eve = (
    await admin('POST', '/users', { username: 'eve', password: 'a perfectly fine password' })
  ).json().id
  const adaId = await idOf('ada')
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.webQueryParameters())
  const requests = fc.oneof(
    bodies.map(body => ['POST', '/users', body] as const),
    bodies.map(body => ['PATCH', `/users/${eve}`, body] as const),
    fc
      .tuple(
        fc.constantFrom('username', 'phone', 'search', 'limit', 'after', 'x', '__proto__'),
        text
      )
      .map(([name, value]) => ['GET', `/users?${name}=${encode(value)}`, undefined] as const),
    fc
      .tuple(fc.constantFrom('', '/unlock', '/sessions', '/factors', '/x'), text)
      .map(([rest, value]) => ['GET', `/users/${encode(value)}${rest}`, undefined] as const)
  )
  await fc.assert(
    fc.asyncProperty(requests, async ([method, url, body]) => {
      assertExpected(await admin(method, url, body))
    }),
    { numRuns: 300 }
  )
  t.match(await prisma.user.findUniqueOrThrow({ where: { id: adaId } }), {
    username: ada.username,
    phone: ada.phone,
    claims: {},
    disabled: false
  })
  t.equal((await login()).statusCode, 200)
  t.notOk(
    logged.some(line => JSON.parse(line).level >= 50),
    'no error is logged'
  )
})

t.test('the admin API refuses what the public API refuses', async t => {
  const { adminApp, admin, apiKey } = await startAdmin(t)
  const authorization = `Bearer ${apiKey}`
  const post = (payload: string | Buffer, headers: object = {}) =>
    adminApp.inject({
      method: 'POST',
      url: '/users',
      payload,
      headers: { authorization, 'content-type': 'application/json', ...headers }
    })
  for (const [slug, response] of [
    ['payload-too-large', post(`{"username":"${'x'.repeat(16_384)}"}`)],
    ['unsupported-media-type', post('{}', { 'content-type': 'text/plain' })],
    [
      'unsupported-media-type',
      post('a=b', { 'content-type': 'application/x-www-form-urlencoded' })
    ],
    ['invalid-request', post(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]))],
    ['invalid-request', post('{"__proto__":{}}')],
    ['invalid-request', post('')],
    ['method-not-allowed', admin('PUT', '/users', {})],
    ['method-not-allowed', admin('OPTIONS', '/users')],
    ['not-found', admin('GET', '/users/x/y')]
  ] as const)
    t.equal(slugOf(await response), slug)
  const host = await adminApp.inject({ url: '/users', headers: { authorization, host: 'a b' } })
  t.equal(slugOf(host), 'invalid-request')
  const { headers } = await adminApp.inject({
    url: '/users',
    headers: { authorization, origin: 'https://app.example' }
  })
  t.match(headers, { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
  t.notMatch(Object.keys(headers).join(), /access-control/)
})

/** Percent-encodes text. A lone surrogate becomes U+FFFD, because it cannot be encoded. */
const encode = (text: string) => encodeURIComponent(text.toWellFormed())

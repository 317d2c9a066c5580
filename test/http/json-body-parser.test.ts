import type { InjectOptions } from 'fastify'
import t from 'tap'
import { ada, slugOf, startApp } from '../support/start-app.ts'

const toLogin = (payload: Buffer, type = 'application/json'): InjectOptions => ({
  method: 'POST',
  url: '/login',
  payload,
  headers: { 'content-type': type }
})
const withPassword = (bytes: number[]) =>
  Buffer.concat([
    Buffer.from('{"username":"zoë","password":"'),
    Buffer.from(bytes),
    Buffer.from('"}')
  ])

const notUtf8: Record<string, number[]> = {
  'Latin-1': [0x7a, 0x6f, 0xeb, 0x7a, 0x6f, 0xeb, 0x7a, 0x6f, 0xeb],
  'a truncated character': [0x70, 0xe2, 0x82],
  'an overlong slash': [0xc0, 0xaf],
  'a surrogate': [0xed, 0xa0, 0x80],
  'a code point beyond Unicode': [0xf4, 0x90, 0x80, 0x80],
  'a byte that UTF-8 never uses': [0xff]
}

t.test('a body that is not UTF-8 is refused', async t => {
  const { app } = await startApp(t)
  for (const [name, bytes] of Object.entries(notUtf8)) {
    const response = await app.inject(toLogin(withPassword(bytes)))
    t.equal(slugOf(response), 'invalid-request', name)
    t.equal(response.json().detail, 'The request body is not valid UTF-8.', name)
  }
})

t.test('JSON in UTF-16 is refused whatever its charset parameter says', async t => {
  const { app } = await startApp(t)
  const utf16 = Buffer.from(
    `\ufeff${JSON.stringify({ username: 'ada', password: ada.password })}`,
    'utf16le'
  )
  for (const type of [
    'application/json',
    'application/json; charset=utf-16',
    'application/json; charset=utf-16le'
  ]) {
    t.equal(slugOf(await app.inject(toLogin(utf16, type))), 'invalid-request', type)
  }
})

t.test('characters of one to four UTF-8 bytes are read unchanged', async t => {
  const { app, addUser } = await startApp(t)
  const zoe = { username: 'zoë', password: 'é€𝄞 correct horse', phone: '+12025550144' }
  await addUser(zoe)
  const { username, password } = zoe
  t.equal(
    (await app.inject(toLogin(Buffer.from(JSON.stringify({ username, password }))))).statusCode,
    200
  )
})

t.test('the last of two duplicate keys wins', async t => {
  const { app } = await startApp(t)
  const twice = (first: string, last: string) =>
    Buffer.from(`{"username":"ada","password":"${first}","password":"${last}"}`)
  t.equal((await app.inject(toLogin(twice('wrong', ada.password)))).statusCode, 200)
  t.equal(slugOf(await app.inject(toLogin(twice(ada.password, 'wrong')))), 'invalid-credentials')
})

const otherTypes = [
  'text/json',
  'application/json, text/plain',
  'application/json/x',
  'application/json garbage; charset=utf-8',
  'application/ json',
  'application/\tjson',
  'application/json\ta; charset=utf-8',
  'text/plain; application/json',
  'text/plain;x=application/json',
  '*/*',
  'application/*',
  'json',
  ';',
  'application/x-ndjson',
  'application/json-seq',
  'application/vnd.api+json'
]

t.test('a Content-Type other than JSON is refused', async t => {
  const { app } = await startApp(t)
  const body = Buffer.from(JSON.stringify({ username: 'ada', password: ada.password }))
  for (const type of otherTypes)
    t.equal(slugOf(await app.inject(toLogin(body, type))), 'unsupported-media-type', type)
})

t.test('a key that could change a prototype is refused and named at any depth', async t => {
  const { app } = await startApp(t)
  for (const [body, pointer, key] of [
    ['{"username":{"__proto__":{"length":1}},"password":"x"}', '#/username/__proto__', '__proto__'],
    ['{"__proto__":null,"username":"ada","password":"x"}', '#/__proto__', '__proto__'],
    ['{"\\u005f_proto__":{},"username":"ada"}', '#/__proto__', '__proto__'],
    [
      '{"username":"ada","password":{"a":[{"constructor":{"prototype":{}}}]}}',
      '#/password/a/0/constructor',
      'constructor'
    ],
    [`${'['.repeat(4000)}{"__proto__":1}${']'.repeat(4000)}`, '#', '__proto__']
  ] as const) {
    const response = await app.inject(toLogin(Buffer.from(body)))
    t.equal(slugOf(response), 'invalid-request')
    t.same(response.json().errors, [{ pointer, detail: `the key ${key} is not allowed` }])
  }
})

t.test('a data key that every object inherits is refused and named', async t => {
  const { app, accessToken } = await startApp(t)
  const authorization = `Bearer ${await accessToken()}`
  for (const name of [
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    '__defineGetter__'
  ])
    for (const value of ['"x"', '1', '{}', '{"prototype":{}}', 'null']) {
      const response = await app.inject({
        method: 'POST',
        url: '/confirmations',
        headers: { authorization, 'content-type': 'application/json' },
        payload:
          '{"action":"transfer","data":{"amount":"1","currency":"EUR",' +
          `"payee":"Grace","${name}":${value}}}`
      })
      t.equal(slugOf(response), 'invalid-request', `${name} ${value}`)
      const [{ pointer }] = response.json().errors
      t.equal(pointer, `#/data/${name}`, `${name} ${value}`)
    }
})

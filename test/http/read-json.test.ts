import type { InjectOptions } from 'fastify'
import t from 'tap'
import { ada, slugOf, start } from '../support/start.ts'

const toLogin = (payload: Buffer, type = 'application/json'): InjectOptions => ({ method: 'POST', url: '/login', payload, headers: { 'content-type': type } })
const withPassword = (bytes: number[]) => Buffer.concat([Buffer.from('{"username":"zoë","password":"'), Buffer.from(bytes), Buffer.from('"}')])

const notUtf8: Record<string, number[]> = {
  'Latin-1': [0x7a, 0x6f, 0xeb, 0x7a, 0x6f, 0xeb, 0x7a, 0x6f, 0xeb],
  'a character that is cut off': [0x70, 0xe2, 0x82],
  'an overlong slash': [0xc0, 0xaf],
  'a surrogate': [0xed, 0xa0, 0x80],
  'something beyond Unicode': [0xf4, 0x90, 0x80, 0x80],
  'a byte of no character': [0xff]
}

t.test('a body that is not UTF-8 is refused, not repaired: what is hashed is what was sent', async t => {
  const { app } = await start(t)
  for (const [what, bytes] of Object.entries(notUtf8)) {
    const answer = await app.inject(toLogin(withPassword(bytes)))
    t.equal(slugOf(answer), 'invalid-request', what)
    t.equal(answer.json().detail, 'The request body is not valid UTF-8.', what)
  }
})

t.test('nor is JSON in another encoding read, whatever its charset says', async t => {
  const { app } = await start(t)
  const utf16 = Buffer.from(`\ufeff${JSON.stringify({ username: 'ada', password: ada.password })}`, 'utf16le')
  for (const type of ['application/json', 'application/json; charset=utf-16', 'application/json; charset=utf-16le']) {
    t.equal(slugOf(await app.inject(toLogin(utf16, type))), 'invalid-request', type)
  }
})

t.test('letters of every length are read as they are', async t => {
  const { app, addUser } = await start(t)
  const zoe = { username: 'zoë', password: 'é€𝄞 correct horse', phone: '+12025550144' }
  await addUser(zoe)
  const { username, password } = zoe
  t.equal((await app.inject(toLogin(Buffer.from(JSON.stringify({ username, password }))))).statusCode, 200)
})

t.test('of a key that comes twice the last one counts', async t => {
  const { app } = await start(t)
  const twice = (first: string, last: string) => Buffer.from(`{"username":"ada","password":"${first}","password":"${last}"}`)
  t.equal((await app.inject(toLogin(twice('wrong', ada.password)))).statusCode, 200)
  t.equal(slugOf(await app.inject(toLogin(twice(ada.password, 'wrong')))), 'invalid-credentials')
})

const otherTypes = ['text/json', 'application/json, text/plain', 'application/json/x', 'application/json garbage; charset=utf-8', 'application/ json', 'application/\tjson', 'application/json\ta; charset=utf-8',
  'text/plain; application/json', 'text/plain;x=application/json', '*/*', 'application/*', 'json', ';', 'application/x-ndjson', 'application/json-seq', 'application/vnd.api+json']

t.test('what is called something else than JSON is not read', async t => {
  const { app } = await start(t)
  const good = Buffer.from(JSON.stringify({ username: 'ada', password: ada.password }))
  for (const type of otherTypes) t.equal(slugOf(await app.inject(toLogin(good, type))), 'unsupported-media-type', type)
})

t.test('keys of every object and what they hold are looked at, however deep', async t => {
  const { app } = await start(t)
  for (const body of ['{"username":{"__proto__":{"length":1}},"password":"x"}', '{"username":"ada","password":{"a":[{"constructor":{"prototype":{}}}]}}']) {
    const answer = await app.inject(toLogin(Buffer.from(body)))
    t.equal(slugOf(answer), 'invalid-request')
    t.equal(answer.json().detail, 'The request body is not valid JSON.')
  }
})

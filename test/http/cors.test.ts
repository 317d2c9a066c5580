import type { InjectOptions } from 'fastify'
import t from 'tap'
import { openapiDocument } from '../../src/http/openapi.ts'
import { ada, slugOf, start } from '../support/start.ts'

const ours = ['https://app.example', 'http://localhost:5173']
const foreign = ['https://evil.example', 'https://app.example.evil.example', 'https://xapp.example', 'http://app.example', 'https://app.example:8443', 'https://APP.example', 'null', '*', '']

const asking = (origin: string, url = '/login'): InjectOptions => ({
  method: 'OPTIONS',
  url,
  headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' }
})
const login = (origin: string, password: string): InjectOptions => ({
  method: 'POST', url: '/login', headers: { origin, 'content-type': 'application/json' }, payload: JSON.stringify({ username: ada.username, password })
})
const told = (headers: object) => Object.keys(headers).filter(name => name.startsWith('access-control-'))

t.test('a page of a listed origin may ask, and may read the answer', async t => {
  const { app } = await start(t, { corsOrigins: ours })
  for (const origin of ours) {
    const preflight = await app.inject(asking(origin))
    t.equal(preflight.statusCode, 204)
    t.match(preflight.headers, {
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET, HEAD, POST, DELETE',
      'access-control-allow-headers': 'content-type, authorization',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      vary: 'Origin'
    })
    for (const request of [login(origin, ada.password), login(origin, 'wrong'), { url: '/nowhere', headers: { origin } }, { method: 'PUT' as const, url: '/me', headers: { origin } }]) {
      const { headers } = await app.inject(request)
      t.match(headers, { 'access-control-allow-origin': origin, 'access-control-expose-headers': 'Retry-After, WWW-Authenticate', vary: 'Origin' })
      t.notOk('access-control-allow-credentials' in headers, 'there are no cookies to send along')
    }
  }
})

t.test('a page of another origin is told nothing', async t => {
  const { app } = await start(t, { corsOrigins: ours })
  for (const origin of foreign) {
    const preflight = await app.inject(asking(origin))
    t.equal(slugOf(preflight), 'method-not-allowed', origin)
    t.same(told(preflight.headers), [], origin)
    const { headers } = await app.inject(login(origin, ada.password))
    t.same(told(headers), [], origin)
    t.equal(headers['vary'], 'Origin', 'so that no cache gives this answer to a listed origin')
  }
})

t.test('without a list, no other origin is told anything', async t => {
  const { app } = await start(t)
  for (const origin of [...ours, ...foreign]) {
    t.equal(slugOf(await app.inject(asking(origin))), 'method-not-allowed')
    t.same(told((await app.inject(login(origin, ada.password))).headers), [])
  }
})

t.test('OPTIONS without what makes it a preflight is answered with nothing or with a problem', async t => {
  const { app } = await start(t, { corsOrigins: ours })
  t.equal((await app.inject({ method: 'OPTIONS', url: '/login', headers: { origin: ours[0] } })).statusCode, 204)
  t.equal(slugOf(await app.inject({ method: 'OPTIONS', url: '/login' })), 'method-not-allowed')
  t.equal(slugOf(await app.inject({ method: 'OPTIONS', url: '/nowhere' })), 'not-found')
})

t.test('what is described is the same with a list as without', async t => {
  const [{ app: open }, { app: closed }] = [await start(t, { corsOrigins: ours }), await start(t)]
  await Promise.all([open.ready(), closed.ready()])
  t.same(openapiDocument(open), openapiDocument(closed))
})

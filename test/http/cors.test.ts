import type { InjectOptions } from 'fastify'
import t from 'tap'
import { openapiDocument } from '../../src/http/openapi/openapi.ts'
import { ada, slugOf, startApp } from '../support/start-app.ts'

const listed = [
  'https://app.example',
  'http://localhost:5173',
  'capacitor://localhost',
  'ionic://localhost',
  'tauri://localhost',
  'app://obsidian.md'
]
const foreign = [
  'https://evil.example',
  'https://app.example.evil.example',
  'https://xapp.example',
  'http://app.example',
  'https://app.example:8443',
  'https://APP.example',
  'capacitor://evil.example',
  'capacitor://localhost:1',
  'app://localhost',
  'null',
  '*',
  ''
]

const preflightOf = (origin: string, url = '/login'): InjectOptions => ({
  method: 'OPTIONS',
  url,
  headers: {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'content-type'
  }
})
const login = (origin: string, password: string): InjectOptions => ({
  method: 'POST',
  url: '/login',
  headers: { origin, 'content-type': 'application/json' },
  payload: JSON.stringify({ username: ada.username, password })
})
const corsHeaders = (headers: object) =>
  Object.keys(headers).filter(name => name.startsWith('access-control-'))

t.test('a page of a listed origin may send requests and read the responses', async t => {
  const { app } = await startApp(t, { corsOrigins: listed })
  for (const origin of listed) {
    const preflight = await app.inject(preflightOf(origin))
    t.equal(preflight.statusCode, 204)
    t.match(preflight.headers, {
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET, HEAD, POST, PATCH, DELETE',
      'access-control-allow-headers': 'content-type',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      vary: 'Origin, Access-Control-Request-Headers'
    })
    for (const request of [
      login(origin, ada.password),
      login(origin, 'wrong'),
      { url: '/nowhere', headers: { origin } },
      { method: 'PUT' as const, url: '/me', headers: { origin } }
    ]) {
      const { headers } = await app.inject(request)
      t.match(headers, {
        'access-control-allow-origin': origin,
        'access-control-expose-headers': 'Retry-After, WWW-Authenticate, X-Request-Id',
        vary: 'Origin'
      })
      t.notOk('access-control-allow-credentials' in headers, 'the API uses no cookies')
    }
  }
})

t.test('a page of a listed origin may send tracing and other headers', async t => {
  const { app } = await startApp(t, { corsOrigins: listed })
  for (const names of [
    'traceparent',
    'baggage,content-type,sentry-trace',
    'authorization,content-type,traceparent,tracestate',
    'b3',
    'x-b3-sampled,x-b3-spanid,x-b3-traceid',
    'x-datadog-origin,x-datadog-sampling-priority,x-datadog-trace-id',
    'newrelic,uber-trace-id,x-amzn-trace-id,x-cloud-trace-context,request-id,x-request-id',
    'accept-language'
  ]) {
    const request = preflightOf(listed[0] ?? '')
    const { statusCode, headers } = await app.inject({
      ...request,
      headers: { ...request.headers, 'access-control-request-headers': names }
    })
    t.match({ statusCode, ...headers }, { statusCode: 204, 'access-control-allow-headers': names })
  }
  const traced = login(listed[0] ?? '', ada.password)
  const { statusCode } = await app.inject({
    ...traced,
    headers: { ...traced.headers, traceparent: 'x', baggage: 'y', 'sentry-trace': 'z' }
  })
  t.equal(statusCode, 200)
})

t.test('a page of another origin gets no CORS headers', async t => {
  const { app } = await startApp(t, { corsOrigins: listed })
  for (const origin of foreign) {
    const preflight = await app.inject(preflightOf(origin))
    t.equal(slugOf(preflight), 'method-not-allowed', origin)
    t.same(corsHeaders(preflight.headers), [], origin)
    const { headers } = await app.inject(login(origin, ada.password))
    t.same(corsHeaders(headers), [], origin)
    t.equal(headers['vary'], 'Origin', 'no cache serves it to a listed origin')
  }
})

t.test('without listed origins, no page gets CORS headers', async t => {
  const { app } = await startApp(t)
  for (const origin of [...listed, ...foreign]) {
    t.equal(slugOf(await app.inject(preflightOf(origin))), 'method-not-allowed')
    t.same(corsHeaders((await app.inject(login(origin, ada.password))).headers), [])
  }
})

t.test('an OPTIONS request that is not a preflight is an ordinary request', async t => {
  const { app } = await startApp(t, { corsOrigins: listed })
  t.equal(
    (await app.inject({ method: 'OPTIONS', url: '/login', headers: { origin: listed[0] } }))
      .statusCode,
    204
  )
  t.equal(slugOf(await app.inject({ method: 'OPTIONS', url: '/login' })), 'method-not-allowed')
  t.equal(slugOf(await app.inject({ method: 'OPTIONS', url: '/nowhere' })), 'not-found')
})

t.test('the OpenAPI document does not depend on the listed origins', async t => {
  const [{ app: open }, { app: closed }] = [
    await startApp(t, { corsOrigins: listed }),
    await startApp(t)
  ]
  await Promise.all([open.ready(), closed.ready()])
  t.same(openapiDocument(open), openapiDocument(closed))
})

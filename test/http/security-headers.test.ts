import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import type { InjectOptions } from 'fastify'
import t from 'tap'
import { ada, startApp } from '../support/start-app.ts'

const expected = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin'
}
const login = (payload: string): InjectOptions => ({
  method: 'POST',
  url: '/login',
  payload,
  headers: { 'content-type': 'application/json' }
})

t.test('every response tells browsers to treat it as data and not to store it', async t => {
  const { app } = await startApp(t)
  app.get('/broken', async () => {
    throw new Error('hunter2')
  })
  const requests: [status: number, request: InjectOptions][] = [
    [200, login(JSON.stringify({ username: ada.username, password: ada.password }))],
    [200, { url: '/livez' }],
    [200, { method: 'HEAD', url: '/readyz' }],
    [400, login('{}')],
    [404, { url: '/%' }],
    [401, { url: '/me' }],
    [404, { url: '/nowhere' }],
    [405, { method: 'OPTIONS', url: '/login' }],
    [413, login('x'.repeat(17 * 1024))],
    [415, { ...login('{}'), headers: { 'content-type': 'text/plain' } }],
    [500, { url: '/broken' }]
  ]
  for (const [status, request] of requests) {
    const { statusCode, headers } = await app.inject(request)
    t.match(
      { statusCode, ...headers },
      { statusCode: status, ...expected, 'cache-control': 'no-store' },
      `${status} ${request.url}`
    )
  }
})

t.test('only the documentation and demo pages may run scripts', async t => {
  const { app } = await startApp(t, { docs: true, demoPage: true })
  for (const path of [
    '/openapi.yaml',
    '/docs/',
    '/docs/swagger-ui.css',
    '/docs/swagger-ui-bundle.js',
    '/docs/start.js',
    '/docs/nowhere',
    '/problems/not-found',
    '/demo/app.js',
    '/demo/style.css',
    '/demo',
    '/demo/',
    '/livez'
  ]) {
    t.match((await app.inject(path)).headers, { ...expected, 'cache-control': 'no-store' }, path)
  }
  for (const path of ['/docs', '/'])
    t.match((await app.inject(path)).headers, {
      ...expected,
      'content-security-policy': /^default-src 'none';script-src 'self';/
    })
})

t.test('the published keys may be cached and have all other security headers', async t => {
  const { app } = await startApp(t)
  t.match((await app.inject('/.well-known/jwks.json')).headers, {
    ...expected,
    'cache-control': /^public, max-age=\d+$/
  })
})

t.test('the response to invalid HTTP has the same headers', async t => {
  const { app } = await startApp(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  let received = ''
  socket
    .setEncoding('utf8')
    .on('data', (chunk: string) => {
      received += chunk
    })
    .write('hunter2\r\n\r\n')
  await once(socket, 'close')
  for (const [name, value] of Object.entries({ ...expected, 'cache-control': 'no-store' }))
    t.match(received, `\r\n${name}: ${value}\r\n`)
})

t.test('no response names the software behind it', async t => {
  const { app } = await startApp(t)
  for (const url of ['/livez', '/nowhere', '/%', '/me']) {
    const { headers } = await app.inject(url)
    for (const name of ['server', 'x-powered-by', 'via', 'set-cookie'])
      t.notOk(name in headers, `${name} of ${url}`)
  }
})

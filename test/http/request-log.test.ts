import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import pino from 'pino'
import t, { type Test } from 'tap'
import { createMetricsServer } from '../../src/http/connections/metrics-server.ts'
import { startAdmin, type AdminOptions } from '../support/start-admin.ts'
import { ada, transfer } from '../support/start-app.ts'
import { reject } from '../support/twilio-stand-in.ts'

const uuid = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/

/** Starts a service. `lines` returns the lines of its log since the last call. */
async function start(t: Test, options: AdminOptions = {}) {
  const service = await startAdmin(t, options)
  const lines = () => service.logged.splice(0).map(line => JSON.parse(line))
  return { ...service, lines }
}

t.test('lines of requests', async t => {
  t.test('each line has the id of the request and, once known, of the user', async t => {
    const service = await start(t)
    const { confirm, idOf, lines, loginAndReadCode, logout, me, refresh, resend, twilio } = service
    const { admin, sessions, users, verify, verifyConfirmation, wait } = service
    const userId = await idOf('ada')
    lines()

    const { challengeToken } = await loginAndReadCode()
    wait(31)
    await resend(challengeToken)
    await verify(challengeToken, '000000')
    const session = (await verify(challengeToken, twilio.lastCode())).json()
    await me(session.accessToken)
    await sessions(session.accessToken)
    const { confirmationToken } = (await confirm(session.accessToken, transfer)).json()
    await verifyConfirmation(session.accessToken, confirmationToken, twilio.lastCode())
    await refresh(session.refreshToken)
    await admin('GET', `/users/${userId}`)
    await logout(session.refreshToken)
    const logged = lines()
    t.ok(logged.length > 20)
    for (const line of logged) t.match(line, { reqId: uuid, userId }, JSON.stringify(line))

    await users.delete({ username: 'ada' })
    await service.login()
    for (const { reqId, event, userId } of lines())
      t.match({ reqId, userId }, { reqId: uuid, userId: event === undefined ? undefined : null })
  })

  t.test('sms.failed has the request, the user and the country', async t => {
    const { idOf, lines, login, twilio } = await start(t)
    twilio.failNext(reject(429, 20429))
    const { instance } = (await login()).json()
    const failed = lines().filter(({ event }) => event === 'sms.failed')
    const userId = await idOf('ada')
    t.match(failed, [{ reqId: instance, userId, country: 'US', reason: 'throttled' }])
  })

  t.test('health probes are logged at debug', async t => {
    const { app, lines } = await start(t)
    lines()
    for (const url of ['/livez', '/readyz', '/nowhere']) await app.inject(url)
    t.match(lines(), [
      { route: '/livez', level: 20 },
      { route: '/readyz', level: 20 },
      { route: 'none', level: 30 }
    ])
  })
})

t.test('request ids', async t => {
  const { adminApp, app, lines } = await start(t)
  const request = async (sent: string, url = '/nowhere') =>
    app.inject({ url, headers: { 'x-request-id': sent } })

  t.test('a safe X-Request-Id from the client is kept', async t => {
    lines()
    for (const id of ['a', 'Ab0._~-', '65901c07-480e-4028-b1f2-bc85c91824bc', 'x'.repeat(128)]) {
      const { headers, ...response } = await request(id)
      t.equal(headers['x-request-id'], id)
      t.equal(response.json().instance, id)
      t.match(lines(), [{ reqId: id }])
    }
  })

  t.test('any other X-Request-Id is replaced', async t => {
    for (const id of [
      '',
      ' ',
      'x'.repeat(129),
      'a b',
      'a,b',
      'a"b',
      'a:b',
      'a/b',
      '{}',
      'é',
      '%0a'
    ]) {
      const { headers, ...response } = await request(id)
      t.match(headers['x-request-id'], uuid, id)
      t.equal(response.json().instance, headers['x-request-id'])
    }
  })

  t.test('every response of every listener has an X-Request-Id', async t => {
    const metrics = createMetricsServer(
      { text: async () => 'up 1\n', contentType: 'text/plain' },
      pino({ level: 'silent' })
    )
    t.teardown(() => metrics.close())
    for (const [server, urls] of [
      [app, ['/livez', '/readyz', '/me', '/nowhere', '/%', '/.well-known/jwks.json']],
      [adminApp, ['/users', '/nowhere', '/%']],
      [metrics, ['/metrics', '/nowhere', '/%']]
    ] as const) {
      for (const url of urls)
        for (const method of ['GET', 'OPTIONS', 'DELETE'] as const)
          t.match((await server.inject({ method, url })).headers['x-request-id'], uuid, url)
      if (!server.server.listening) await server.listen({ host: '127.0.0.1', port: 0 })
      const { port } = server.server.address() as AddressInfo
      for (const bytes of [
        'nonsense\r\n\r\n',
        'GET / HTTP/1.1\r\n\r\n',
        `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`
      ]) {
        const socket = connect(port, '127.0.0.1')
        socket.write(bytes)
        const [response] = await once(socket, 'data')
        t.match(String(response), /^HTTP\/1\.1 4\d\d [^]*\r\nx-request-id: [\da-f-]{36}\r\n/)
        socket.destroy()
      }
    }
  })
})

t.test('CORS', async t => {
  const origin = 'https://app.example'
  const login = { username: ada.username, password: ada.password }
  const rejected = {
    event: 'cors.rejected',
    variable: 'CORS_ORIGINS',
    level: 40,
    msg: /CORS_ORIGINS/
  }

  t.test('a rejected CORS request logs its origin and CORS_ORIGINS', async t => {
    for (const corsOrigins of [[], ['https://other.example']]) {
      const { app, lines } = await start(t, { corsOrigins })
      lines()
      await app.inject({
        method: 'OPTIONS',
        url: '/login',
        headers: { origin, 'access-control-request-method': 'POST' }
      })
      const headers = { origin, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }
      await app.inject({ method: 'POST', url: '/login', payload: login, headers })
      const events = lines().filter(({ event }) => event === 'cors.rejected')
      t.match(events, Array(2).fill({ ...rejected, origin, reqId: uuid }))
      t.not(events[0].reqId, events[1].reqId)
      for (const invalid of ['x', `https://${'x'.repeat(400)}`, 'https://a.example/"canary'])
        await app.inject({ url: '/livez', headers: { origin: invalid } })
      t.match(
        lines().filter(({ event }) => event === 'cors.rejected'),
        Array(3).fill({ ...rejected, origin: 'invalid' })
      )
    }
  })

  t.test('an allowed origin, the own page and a form on another site log no rejection', async t => {
    const { app, lines } = await start(t, { corsOrigins: [origin] })
    lines()
    for (const headers of [
      { origin, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' },
      { origin: 'http://localhost:80', host: 'localhost:80' },
      { origin: 'https://login.example', 'sec-fetch-site': 'same-origin' },
      {
        origin: 'https://evil.example',
        'sec-fetch-site': 'cross-site',
        'sec-fetch-mode': 'navigate'
      },
      {}
    ])
      await app.inject({ method: 'POST', url: '/login', payload: login, headers })
    t.equal(lines().filter(({ event }) => event === 'cors.rejected').length, 0)
  })
})

import t from 'tap'
import { needsServer, createTestDatabase } from '../support/database.ts'
import { startDatabaseProxy } from '../support/database-proxy.ts'
import { holdChallengesLock } from '../support/hold-lock.ts'
import { ada, differentCode, slugOf } from '../support/start-app.ts'
import { startServer } from '../support/start-process.ts'
import { startBehindProxy } from '../support/start-behind-proxy.ts'

t.test(
  'an unreachable database gives 503 until it is back, and a challenge continues',
  { skip: needsServer },
  async t => {
    const {
      app,
      loginAndReadCode,
      failures,
      logIn,
      login,
      me,
      proxy,
      refresh,
      resend,
      sessions,
      twilio,
      verify,
      wait
    } = await startBehindProxy(t)
    const { accessToken: token, refreshToken } = await logIn(ada)
    const { challengeToken, code } = await loginAndReadCode()
    t.equal((await verify(challengeToken, differentCode(code))).json().attemptsRemaining, 4)
    await proxy.refuse()

    for (let i = 0; i < 3; i++) {
      for (const response of [
        await login(),
        await verify(challengeToken, code),
        await resend(challengeToken),
        await me(token),
        await refresh(refreshToken),
        await sessions(token)
      ]) {
        t.equal(response.statusCode, 503)
        t.equal(slugOf(response), 'database-unavailable')
        t.equal(response.headers['retry-after'], '5')
      }
    }
    t.match(failures().at(-1), {
      level: 50,
      reason: 'unreachable',
      msg:
        `can't reach the database at ${new URL(proxy.url).host}: ` +
        'check that the server runs, DATABASE_URL, DNS and the firewall'
    })
    t.equal(failures().length, 18, 'one line per request')
    t.equal(slugOf(await app.inject('/readyz')), 'not-ready')
    t.equal((await app.inject('/livez')).statusCode, 200)
    t.equal(
      (await app.inject('/.well-known/jwks.json')).statusCode,
      200,
      'other services can still verify tokens'
    )
    t.equal(slugOf(await verify('forged', code)), 'challenge-ended')
    t.equal(twilio.messages.length, 2)

    await proxy.accept()
    wait(1)
    t.equal((await app.inject('/readyz')).statusCode, 200)
    t.equal((await login()).json().sent, false)
    t.equal((await verify(challengeToken, differentCode(code))).json().attemptsRemaining, 3)
    t.equal((await verify(challengeToken, code)).statusCode, 200)
    t.equal((await me(token)).statusCode, 200)
    t.equal((await refresh(refreshToken)).statusCode, 200)
    wait(31)
    t.equal((await login()).json().sent, true)
  }
)

t.test('connections cut while idle fail no request', { skip: needsServer }, async t => {
  const broken: Error[] = []
  const { failures, login, proxy } = await startBehindProxy(t, {
    pool: { onError: error => broken.push(error) }
  })
  await Promise.all([1, 2, 3].map(() => login()))
  proxy.cut()
  while (broken.length === 0) await new Promise(resolve => setTimeout(resolve, 10))
  t.equal((await login()).statusCode, 200)
  t.equal(failures().length, 0)
})

t.test(
  'a burst of logins cut off by the database gets 200 or 503 and sends one message',
  { skip: needsServer },
  async t => {
    const { failures, login, prisma, proxy, twilio, verify } = await startBehindProxy(t)
    await prisma.$queryRaw`SELECT 1`
    const flood = Array.from({ length: 30 }, () => login())
    await Promise.race(flood)
    proxy.cut()
    const responses = await Promise.all(flood)
    const failed = responses.filter(response => slugOf(response) === 'database-unavailable')
    t.ok(responses.every(response => response.statusCode === 200 || failed.includes(response)))
    t.equal(failures().length, failed.length)
    const { challengeToken } = (await login()).json()
    t.equal(twilio.messages.length, 1)
    const tokens = await Promise.all([1, 2, 3].map(() => verify(challengeToken, twilio.lastCode())))
    t.equal(tokens.filter(({ statusCode }) => statusCode === 200).length, 1)
  }
)

t.test(
  'terminating active connections, as a restart does, leaves no partial change',
  { skip: needsServer },
  async t => {
    const { loginAndReadCode, failures, login, server, verify, twilio } = await startBehindProxy(t)
    const { challengeToken, code } = await loginAndReadCode()
    await holdChallengesLock(server, async waiting => {
      const responses = Promise.all([login(), verify(challengeToken, code)])
      await waiting(2)
      await server.$queryRaw`
        SELECT pg_terminate_backend(pid)
        FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`
      t.same((await responses).map(slugOf), ['database-unavailable', 'database-unavailable'])
    })
    t.match(failures(), [
      { reason: 'disconnected', sqlState: '57P01' },
      { reason: 'disconnected', sqlState: '57P01' }
    ])
    t.equal((await verify(challengeToken, differentCode(code))).json().attemptsRemaining, 4)
    t.equal((await verify(challengeToken, code)).statusCode, 200)
    t.equal((await login()).json().sent, true)
    t.equal(twilio.messages.length, 2)
  }
)

t.test(
  'the process survives an outage, logs no database password and shuts down cleanly during it',
  { skip: needsServer },
  async t => {
    const proxy = await startDatabaseProxy(t, (await createTestDatabase(t)).url ?? '')
    const url = new URL(proxy.url)
    // A server with trust authentication ignores the password.
    url.password ||= 'canary-database-password'
    const server = await startServer(t, {
      folder: t.testdir(),
      env: { DATABASE_URL: url.href, LOG_LEVEL: 'trace' }
    })
    await server.prints(/Use the access token/)
    await proxy.refuse()
    t.match(await server.login('demo', 'wrong'), {
      status: 503,
      body: { type: /database-unavailable$/, retryAfter: 5 }
    })
    await proxy.accept()
    t.match(await server.login('demo', 'wrong'), { status: 401 })
    await proxy.refuse()
    t.match(await server.login('demo', 'wrong'), { status: 503 })
    server.kill('SIGTERM')
    const { code, stdout, stderr } = await server.ended
    t.equal(code, 0)
    t.equal(stderr, '')
    t.match(stdout, /"event":"database.failed"/)
    t.notOk(stdout.includes(url.password))
  }
)

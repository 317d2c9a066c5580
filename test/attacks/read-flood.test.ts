import t from 'tap'
import { needsServer } from '../support/database.ts'
import { ada, defaultLimits, slugOf, startApp } from '../support/start-app.ts'
import { startBehindProxy } from '../support/start-behind-proxy.ts'
import { holdChallengesLock } from '../support/hold-lock.ts'

const tooMany = { status: 429, type: /too-many-attempts$/, reason: 'requests', retryAfter: 60 }

t.test('a session has 600 reads and session changes a minute by default', async t => {
  t.equal(defaultLimits.requestsPerSession, 600)
  t.equal(defaultLimits.sessionRequestsPerNetwork, 6000)
  const { endSession, me, sessions, logIn, accessToken, refresh, wait } = await startApp(t, {
    limits: { requestsPerSession: defaultLimits.requestsPerSession }
  })
  const other = await accessToken()
  wait(31)
  const { accessToken: token, refreshToken } = await logIn()
  for (let n = 0; n < 300; n++) {
    t.equal((await me(token)).statusCode, 200)
    t.equal((await sessions(token)).statusCode, 200)
  }
  for (const refused of [
    await me(token),
    await sessions(token),
    await endSession(token),
    await endSession(token, 'x')
  ]) {
    t.match(refused.json(), tooMany)
    t.equal(refused.headers['retry-after'], '60')
  }
  t.equal((await me(other)).statusCode, 200, 'other sessions continue')
  t.equal((await refresh(refreshToken)).statusCode, 200, 'a refresh is not limited')
  wait(60)
  t.equal((await me(token)).statusCode, 200)
})

t.test('a network has one read limit for all its sessions', async t => {
  const { accessToken, app, wait } = await startApp(t, { limits: { sessionRequestsPerNetwork: 3 } })
  const one = await accessToken()
  wait(31)
  const tokens = [one, await accessToken()]
  const me = (token: string | undefined, remoteAddress: string) =>
    app.inject({ url: '/me', remoteAddress, headers: { authorization: `Bearer ${token}` } })
  for (let n = 0; n < 3; n++) t.equal((await me(tokens[n % 2], '198.51.100.7')).statusCode, 200)
  t.match((await me(tokens[0], '198.51.100.7')).json(), tooMany)
  t.equal((await me(tokens[0], '198.51.100.8')).statusCode, 200)
})

t.test('the reads of an IPv6 /48 are limited to those of four networks', async t => {
  const { accessToken, app } = await startApp(t, { limits: { sessionRequestsPerNetwork: 1 } })
  const headers = { authorization: `Bearer ${await accessToken()}` }
  const statuses = []
  for (let n = 0; n < 6; n++) {
    const remoteAddress = `2001:db8:7:${n}00::1`
    statuses.push((await app.inject({ url: '/me', remoteAddress, headers })).statusCode)
  }
  t.same(statuses, [200, 200, 200, 200, 429, 429])
})

t.test('a refused read or a read with an invalid token counts toward no limit', async t => {
  const { accessToken, me, wait } = await startApp(t, {
    limits: { requestsPerSession: 1, sessionRequestsPerNetwork: 2 }
  })
  const one = await accessToken()
  wait(31)
  const other = await accessToken()
  for (let n = 0; n < 5; n++) t.equal((await me('forged')).statusCode, 401)
  t.equal((await me(one)).statusCode, 200)
  for (let n = 0; n < 5; n++) t.equal((await me(one)).statusCode, 429)
  t.equal((await me(other)).statusCode, 200)
})

t.test('setting the clock back does not prolong a full window', async t => {
  const { accessToken, me, wait } = await startApp(t, { limits: { requestsPerSession: 1 } })
  const token = await accessToken()
  t.equal((await me(token)).statusCode, 200)
  t.match((await me(token)).json(), tooMany)
  wait(-3600 + 120)
  t.not((await me(token)).json().reason, 'requests')
})

// Needs a server, because only its locks can make a statement wait.

t.test(
  'queued reads get busy while logins, codes and refreshes continue',
  { skip: needsServer },
  async t => {
    const { loginAndReadCode, failures, login, logIn, me, refresh, server, verify, wait } =
      await startBehindProxy(t, {
        pool: { poolSize: 4, statementTimeout: 0 },
        reads: { concurrency: 2, queue: 3, patienceMs: 100 }
      })
    const { accessToken: token, refreshToken } = await logIn()
    wait(31)
    const { challengeToken, code } = await loginAndReadCode()
    let reads: Promise<unknown>[] = []
    await server.$transaction(
      async lock => {
        // Every read waits for this lock.
        await lock.$executeRaw`LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE`
        const responses: Awaited<ReturnType<typeof me>>[] = []
        reads = Array.from({ length: 20 }, async () => responses.push(await me(token)))
        // Two reads use the database and three wait in the queue. Those three are refused later
        // than the other fifteen.
        while (responses.length < 18) await new Promise(resolve => setTimeout(resolve, 10))
        t.same([...new Set(responses.map(slugOf))], ['busy'])
        for (const response of responses) t.equal(response.headers['retry-after'], '1')
        t.equal((await login({ ...ada, password: 'wrong' })).statusCode, 401)
        t.equal((await login()).statusCode, 200)
      },
      { maxWait: 20_000, timeout: 60_000 }
    )
    await Promise.all(reads)
    t.equal((await verify(challengeToken, code)).statusCode, 200)
    t.equal((await refresh(refreshToken)).statusCode, 200)
    t.equal((await me(token)).statusCode, 200)
    t.same(failures(), [])
  }
)

t.test('without a free connection a request gets busy', { skip: needsServer }, async t => {
  const { loginAndReadCode, login, server, verify } = await startBehindProxy(t, {
    pool: { poolSize: 2, connectionTimeout: 200 }
  })
  const { challengeToken, code } = await loginAndReadCode()
  const slow = await holdChallengesLock(server, async waiting => {
    const taken = [verify(challengeToken, code), verify(challengeToken, code)]
    await waiting(2)
    const response = await login()
    t.equal(response.statusCode, 503)
    t.equal(slugOf(response), 'busy')
    t.equal(response.headers['retry-after'], '1')
    return taken
  })
  await Promise.all(slow)
})

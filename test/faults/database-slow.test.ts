import t from 'tap'
import { needsServer } from '../support/database.ts'
import { holdChallengesLock } from '../support/hold-lock.ts'
import { differentCode, slugOf } from '../support/start-app.ts'
import { startBehindProxy } from '../support/start-behind-proxy.ts'

t.test(
  'statements that take too long are cancelled and change nothing',
  { skip: needsServer },
  async t => {
    const { app, loginAndReadCode, failures, login, resend, server, verify, twilio, wait } =
      await startBehindProxy(t, { pool: { statementTimeout: 1000 } })
    const { challengeToken, code } = await loginAndReadCode()
    wait(31)
    await holdChallengesLock(server, async () => {
      for (const response of await Promise.all([
        login(),
        verify(challengeToken, code),
        resend(challengeToken)
      ]))
        t.equal(slugOf(response), 'database-unavailable')
      t.equal((await app.inject('/livez')).statusCode, 200)
    })
    t.match(
      failures().map(({ reason, sqlState }) => [reason, sqlState]),
      Array(3).fill(['timeout', '57014'])
    )
    t.equal(twilio.messages.length, 1)
    t.equal((await verify(challengeToken, differentCode(code))).json().attemptsRemaining, 4)
    t.equal((await verify(challengeToken, code)).statusCode, 200)
    t.equal((await login()).json().sent, true)
  }
)

t.test(
  'requests get 503 in time while all connections are taken',
  { skip: needsServer },
  async t => {
    const { accessToken, loginAndReadCode, failures, login, me, server, verify } =
      await startBehindProxy(t, { pool: { poolSize: 2, connectionTimeout: 1000 } })
    const token = await accessToken()
    const { challengeToken, code } = await loginAndReadCode()
    const slow = await holdChallengesLock(server, async waiting => {
      const taken = [verify(challengeToken, code), verify(challengeToken, code)]
      await waiting(2)
      for (const response of await Promise.all([login(), me(token), me(token)]))
        t.equal(slugOf(response), 'busy')
      return taken
    }).then(taken => Promise.all(taken))
    t.match(
      failures().map(({ reason }) => reason),
      ['busy', 'busy', 'busy']
    )
    t.same(
      slow.map(({ statusCode }) => statusCode).sort(),
      [200, 401],
      'requests with a connection were only delayed'
    )
    t.equal((await me(token)).statusCode, 200)
    t.equal((await login()).json().sent, true)
  }
)

for (const moment of ['before the connection is made', 'in the middle']) {
  t.test(
    `a network that goes silent ${moment} causes a timeout and no further delay`,
    { skip: needsServer },
    async t => {
      const { app, loginAndReadCode, failures, login, proxy, server, verify } =
        await startBehindProxy(t, {
          pool: { connectionTimeout: 1000, statementTimeout: 1000 }
        })
      const { challengeToken, code } = await loginAndReadCode()
      if (moment !== 'in the middle') proxy.cut()
      proxy.stall()
      const responses = await Promise.all([
        login(),
        verify(challengeToken, code),
        app.inject('/readyz')
      ])
      t.same(responses.map(slugOf), ['database-unavailable', 'database-unavailable', 'not-ready'])
      t.equal(failures().length, 2)
      // A statement sent during the outage is executed now or never, so the attempt may have been
      // used.
      proxy.resume()
      t.equal((await login()).json().sent, false)
      const left = (await verify(challengeToken, differentCode(code))).json().attemptsRemaining
      t.ok(left === 4 || left === 3, `${left} attempts remain`)
      t.equal((await verify(challengeToken, code)).statusCode, 200)
      t.equal(await server.user.count(), 1)
    }
  )
}

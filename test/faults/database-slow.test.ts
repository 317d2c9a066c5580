import t from 'tap'
import { serverUrl } from '../support/database.ts'
import { holdUp } from '../support/hold-up.ts'
import { otherThan, slugOf } from '../support/start.ts'
import { startBehindProxy } from '../support/start-behind-proxy.ts'

if (serverUrl !== undefined) {
  t.test('statements that take too long are given up and have changed nothing', async t => {
    const { app, challenge, failures, login, resend, server, verify, twilio, wait } = await startBehindProxy(t, { pool: { statementTimeout: 1000 } })
    const { challengeToken, code } = await challenge()
    wait(31)
    await holdUp(server, async () => {
      for (const answer of await Promise.all([login(), verify(challengeToken, code), resend(challengeToken)])) t.equal(slugOf(answer), 'database-unavailable')
      t.equal((await app.inject('/livez')).statusCode, 200)
    })
    t.match(failures().map(({ reason, sqlState }) => [reason, sqlState]), Array(3).fill(['timeout', '57014']))
    t.equal(twilio.texts.length, 1)
    t.equal((await verify(challengeToken, otherThan(code))).json().attemptsRemaining, 4)
    t.equal((await verify(challengeToken, code)).statusCode, 200)
    t.equal((await login()).json().sent, true)
  })

  t.test('with all connections taken the others are told so in time, and go on once there is one again', async t => {
    const { accessToken, challenge, failures, login, me, server, verify } = await startBehindProxy(t, { pool: { poolSize: 2, connectionTimeout: 1000 } })
    const token = await accessToken()
    const { challengeToken, code } = await challenge()
    const slow = await holdUp(server, async waiting => {
      const taken = [verify(challengeToken, code), verify(challengeToken, code)]
      await waiting(2)
      for (const answer of await Promise.all([login(), me(token), me(token)])) t.equal(slugOf(answer), 'database-unavailable')
      return taken
    }).then(taken => Promise.all(taken))
    t.match(failures().map(({ reason }) => reason), ['busy', 'busy', 'busy'])
    t.same(slow.map(({ statusCode }) => statusCode).sort(), [200, 401], 'those that had one were only slow')
    t.equal((await me(token)).statusCode, 200)
    t.equal((await login()).json().sent, true)
  })

  for (const moment of ['before the connection is made', 'in the middle']) {
    t.test(`a network that falls silent ${moment} is given up, and forgotten when it speaks again`, async t => {
      const { app, challenge, failures, login, proxy, server, verify } = await startBehindProxy(t, { pool: { connectionTimeout: 1000, statementTimeout: 1000 } })
      const { challengeToken, code } = await challenge()
      if (moment !== 'in the middle') proxy.cut()
      proxy.stall()
      const answers = await Promise.all([login(), verify(challengeToken, code), app.inject('/readyz')])
      t.same(answers.map(slugOf), ['database-unavailable', 'database-unavailable', 'not-ready'])
      t.equal(failures().length, 2)
      // What was sent into the silence arrives now, or never: an attempt whose answer nobody got may have been spent.
      proxy.flow()
      t.equal((await login()).json().sent, false)
      const left = (await verify(challengeToken, otherThan(code))).json().attemptsRemaining
      t.ok(left === 4 || left === 3, `${left} attempts remain`)
      t.equal((await verify(challengeToken, code)).statusCode, 200)
      t.equal(await server.user.count(), 1)
    })
  }
} else {
  t.pass('an embedded database has one caller at a time')
}

import t from 'tap'
import { needsServer } from '../support/database.ts'
import { ada, differentCode, slugOf } from '../support/start-app.ts'
import { startBehindProxy } from '../support/start-behind-proxy.ts'

t.test(
  'a read-only database refuses logins and loses no pending login',
  { skip: needsServer },
  async t => {
    const { accessToken, app, loginAndReadCode, failures, login, me, proxy, verify, twilio, wait } =
      await startBehindProxy(t)
    const token = await accessToken(ada)
    const { challengeToken, code } = await loginAndReadCode()
    t.equal((await app.inject('/readyz')).statusCode, 200)
    // This simulates a standby that takes over the primary's address, where connections can only
    // read.
    proxy.setReadOnly(true)
    proxy.cut()

    wait(1)
    t.equal(slugOf(await app.inject('/readyz')), 'not-ready')
    t.equal((await app.inject('/livez')).statusCode, 200)
    t.equal(slugOf(await verify(challengeToken, code)), 'database-unavailable')
    t.equal((await me(token)).statusCode, 200, 'reads succeed')
    t.match(failures(), [
      {
        reason: 'read-only',
        sqlState: '25006',
        msg: /^cannot execute .* in a read-only transaction: .*primary/
      }
    ])

    proxy.setReadOnly(false)
    // The pool drops a read-only connection once a statement that writes fails on it. Each probe
    // sends such a statement.
    for (let probes = 0; probes < 10; probes++) {
      wait(1)
      if ((await app.inject('/readyz')).statusCode === 200) break
    }
    t.equal((await verify(challengeToken, differentCode(code))).json().attemptsRemaining, 4)
    t.equal((await verify(challengeToken, code)).statusCode, 200)
    t.equal((await login()).json().sent, true)
    t.equal(twilio.messages.length, 3)
  }
)

import t from 'tap'
import { needsServer } from '../support/database.ts'
import { ada, differentCode, slugOf } from '../support/start-app.ts'
import { startBehindProxy } from '../support/start-behind-proxy.ts'

t.test(
  'a read-only server begins and finishes no login and loses none',
  { skip: needsServer },
  async t => {
    const { accessToken, app, loginAndReadCode, failures, login, me, proxy, verify, twilio, wait } =
      await startBehindProxy(t)
    const token = await accessToken(ada)
    const { challengeToken, code } = await loginAndReadCode()
    t.equal((await app.inject('/readyz')).statusCode, 200)
    // As a standby that takes over the primary's address: what connects from here on can only
    // read.
    proxy.setReadOnly(true)
    proxy.cut()

    wait(1)
    t.equal(slugOf(await app.inject('/readyz')), 'not-ready')
    t.equal((await app.inject('/livez')).statusCode, 200)
    t.equal(slugOf(await verify(challengeToken, code)), 'database-unavailable')
    t.equal((await me(token)).statusCode, 200, 'what only reads goes on')
    t.match(failures(), [
      {
        reason: 'read-only',
        sqlState: '25006',
        msg: /^cannot execute .* in a read-only transaction: .*primary/
      }
    ])

    proxy.setReadOnly(false)
    // A connection that was made read-only stays so until it is asked to write once; being asked
    // is enough.
    for (let asked = 0; asked < 10; asked++) {
      wait(1)
      if ((await app.inject('/readyz')).statusCode === 200) break
    }
    t.equal((await verify(challengeToken, differentCode(code))).json().attemptsRemaining, 4)
    t.equal((await verify(challengeToken, code)).statusCode, 200)
    t.equal((await login()).json().sent, true)
    t.equal(twilio.texts.length, 3)
  }
)

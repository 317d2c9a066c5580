import t from 'tap'
import { serverUrl } from '../support/database.ts'
import { ada, otherThan, slugOf } from '../support/start.ts'
import { startBehindProxy } from '../support/start-behind-proxy.ts'

if (serverUrl !== undefined) {
  t.test('on a server that became read-only no login is begun or finished, and none is lost', async t => {
    const { accessToken, app, challenge, database, failures, login, me, proxy, server, verify, twilio } = await startBehindProxy(t)
    const name = new URL(database.url ?? '').pathname.slice(1)
    const token = await accessToken(ada)
    const { challengeToken, code } = await challenge()
    t.equal((await app.inject('/readyz')).statusCode, 200)
    // As a standby that takes over the primary's address: what connects from here on can only read.
    await server.$executeRawUnsafe(`ALTER DATABASE ${name} SET default_transaction_read_only = on`)
    proxy.cut()

    t.equal(slugOf(await app.inject('/readyz')), 'not-ready')
    t.equal((await app.inject('/livez')).statusCode, 200)
    t.equal(slugOf(await verify(challengeToken, code)), 'database-unavailable')
    t.equal((await me(token)).statusCode, 200, 'what only reads goes on')
    t.match(failures(), [{ reason: 'read-only', sqlState: '25006', msg: /^cannot execute .* in a read-only transaction: .*primary/ }])

    await server.$executeRawUnsafe(`ALTER DATABASE ${name} RESET default_transaction_read_only`)
    // A connection that was made read-only stays so until it is asked to write once; being asked is enough.
    for (let asked = 0; asked < 10 && (await app.inject('/readyz')).statusCode !== 200; asked++);
    t.equal((await verify(challengeToken, otherThan(code))).json().attemptsRemaining, 4)
    t.equal((await verify(challengeToken, code)).statusCode, 200)
    t.equal((await login()).json().sent, true)
    t.equal(twilio.texts.length, 3)
  })
} else {
  t.pass('an embedded database is its only user\'s to write')
}

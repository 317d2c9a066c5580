import t from 'tap'
import { openDatabase } from '../../src/adapters/database.ts'
import { serverUrl, testDatabase } from '../support/database.ts'
import { ada, codeIn, otherThan, start } from '../support/start.ts'
import { statementCounter } from '../support/statement-counter.ts'

// An embedded database has no wire on which to count.
if (serverUrl !== undefined) {
  t.test('a login and a verify are two statements each, a refused one is one', async t => {
    const { url = '' } = await testDatabase(t)
    const counter = await statementCounter(t, url)
    const counted = await openDatabase(counter.url)
    t.teardown(counted.close)
    const { login, resend, verify, me, twilio, wait } = await start(t, { database: { ...counted, url: counter.url } })
    counter.take()

    await login({ ...ada, password: 'wrong horse battery' })
    t.equal(counter.take(), 1, 'a login with a wrong password')
    const { challengeToken } = (await login()).json()
    t.equal(counter.take(), 2, 'a login')
    await login()
    t.equal(counter.take(), 2, 'a second login while the code is fresh')
    wait(31)
    await login()
    t.equal(counter.take(), 2, 'a login that replaces a challenge')
    await verify(challengeToken, '000000')
    t.equal(counter.take(), 2, 'a verify of a challenge that has ended')

    wait(31)
    const current = (await login()).json().challengeToken
    wait(31)
    counter.take()
    await resend(current)
    t.equal(counter.take(), 3, 'a resend')
    const code = codeIn(twilio.texts.at(-1)?.body)
    await verify(current, otherThan(code))
    t.equal(counter.take(), 1, 'a verify of a wrong code')
    const { accessToken } = (await verify(current, code)).json()
    t.equal(counter.take(), 2, 'a verify')
    await me(accessToken)
    t.equal(counter.take(), 1, 'a /me')
  })
}

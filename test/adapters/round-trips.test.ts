import t from 'tap'
import { openDatabase } from '../../src/adapters/database.ts'
import { serverUrl, testDatabase } from '../support/database.ts'
import { ada, codeIn, defaultLimits, otherThan, start } from '../support/start.ts'
import { statementCounter } from '../support/statement-counter.ts'

// An embedded database has no wire on which to count.
if (serverUrl !== undefined) {
  const { url = '' } = await testDatabase(t)
  const counter = await statementCounter(t, url)
  const counted = { ...await openDatabase(counter.url), url: counter.url }
  t.teardown(counted.close)
  const conversion = { floor: 10, volume: 500, pause: 900 }

  t.test('besides the budgets, a login and a verify are two statements each, a refused one is one, a refresh is one', async t => {
    const { confirm, endSession, login, logout, refresh, resend, resendConfirmation, sessions, verify, verifyConfirmation, me, twilio, wait } = await start(t, { database: counted, policy: { conversion: { ...conversion, floor: 0 } } })
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
    t.equal(counter.take(), 2, 'a resend')
    const code = codeIn(twilio.texts.at(-1)?.body)
    await verify(current, otherThan(code))
    t.equal(counter.take(), 1, 'a verify of a wrong code')
    const { accessToken, refreshToken } = (await verify(current, code)).json()
    t.equal(counter.take(), 2, 'a verify')
    await me(accessToken)
    t.equal(counter.take(), 1, 'a /me')
    await sessions(accessToken)
    t.equal(counter.take(), 2, 'a list of sessions')
    await endSession(accessToken)
    t.equal(counter.take(), 2, 'the end of all other sessions')

    const { confirmationToken } = (await confirm(accessToken)).json()
    t.equal(counter.take(), 2, 'a confirmation')
    wait(31)
    await resendConfirmation(accessToken, confirmationToken)
    t.equal(counter.take(), 4, 'a confirmation\'s resend: its session, whose it is, and what a resend is')
    await verifyConfirmation(accessToken, confirmationToken, codeIn(twilio.texts.at(-1)?.body))
    t.equal(counter.take(), 4, 'a confirmation\'s verify: its session, whose it is, and what a verify is')

    const next = (await refresh(refreshToken)).json().refreshToken
    t.equal(counter.take(), 1, 'a refresh')
    await refresh(refreshToken)
    t.equal(counter.take(), 2, 'the same refresh again')
    await refresh('nonsense')
    t.equal(counter.take(), 0, 'a refresh with what is no refresh token')
    const last = (await refresh(next)).json().refreshToken
    counter.take()
    await refresh(refreshToken)
    t.equal(counter.take(), 3, 'a refresh with a used token, which ends the session')
    await logout(last)
    t.equal(counter.take(), 1, 'a logout')
  })

  t.test('all budgets on, they are no more: charges go along with a statement that is needed anyway; refused for its tries, a login is one', async t => {
    await counted.prisma.user.deleteMany()
    const { login, resend, verify, twilio, wait } = await start(t, { database: counted, limits: { ...defaultLimits, textsPerHour: 1000 } })
    await login()
    wait(31)
    counter.take()
    await login()
    t.equal(counter.take(), 3, 'a login, one of them the look at its country that comes once a second')
    await login()
    t.equal(counter.take(), 3, 'a second login while the code is fresh, one of them to give its try back')
    wait(31)
    const { challengeToken } = (await login()).json()
    wait(31)
    counter.take()
    await resend(challengeToken)
    t.equal(counter.take(), 3, 'a resend, with such a look')
    await verify(challengeToken, codeIn(twilio.texts.at(-1)?.body))
    t.equal(counter.take(), 2, 'a verify')
    for (let i = 0; i < 10; i++) await login({ ...ada, password: 'wrong horse battery' })
    counter.take()
    for (let i = 0; i < 20; i++) await login({ ...ada, password: 'wrong horse battery' })
    t.equal(counter.take(), 21, 'twenty logins that are refused: one for each request, and another to learn that there are no tries left')
  })
  t.test('what is refused because there were too many requests is no statement, whatever it asks for', async t => {
    await counted.prisma.user.deleteMany()
    const { confirm, login, logIn, logout, post, refresh, resend, resendConfirmation, twilio, verify, verifyConfirmation, wait } = await start(t, { database: counted, limits: { requests: 5 } })
    const { accessToken, refreshToken } = await logIn()
    const { confirmationToken } = (await confirm(accessToken)).json()
    wait(31)
    const { challengeToken } = (await login()).json()
    for (let i = 0; i < 2; i++) await post('/logout', '{')
    const code = twilio.lastCode()
    counter.take()
    const answers = [
      await login(), await resend(challengeToken), await verify(challengeToken, code), await refresh(refreshToken), await logout(refreshToken),
      await confirm(accessToken), await resendConfirmation(accessToken, confirmationToken), await verifyConfirmation(accessToken, confirmationToken, code)
    ]
    for (const answer of answers) t.match(answer.json(), { status: 429, reason: 'requests' })
    t.equal(counter.take(), 0)
  })
}

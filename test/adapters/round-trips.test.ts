import t from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { needsServer, createTestDatabase } from '../support/database.ts'
import {
  ada,
  codeIn,
  defaultLimits,
  differentCode,
  slugOf,
  startApp
} from '../support/start-app.ts'
import { startStatementCounter } from '../support/statement-counter.ts'

// Statements are counted on the wire, and an embedded database has none.
t.test('statements', { skip: needsServer }, async t => {
  const { url = '' } = await createTestDatabase(t)
  const counter = await startStatementCounter(t, url)
  const counted = { ...(await openDatabase(counter.url)), url: counter.url }
  t.teardown(counted.close)
  const conversion = { floor: 10, volume: 500, pause: 900 }

  t.test('without limits a login and a verify take two statements and a refresh one', async t => {
    const {
      changeMe,
      changePassword,
      changePhone,
      confirm,
      deleteMe,
      endSession,
      login,
      logIn,
      logout,
      read,
      refresh,
      resend,
      resendConfirmation,
      sessions,
      verify,
      verifyConfirmation,
      verifyPhone,
      me,
      settled,
      twilio,
      wait
    } = await startApp(t, {
      database: counted,
      policy: { conversion: { ...conversion, floor: 0 } }
    })
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
    await read(current)
    t.equal(counter.take(), 1, 'a read of the challenge')
    await resend(current)
    t.equal(counter.take(), 2, 'a resend')
    const code = codeIn(twilio.messages.at(-1)?.body)
    await verify(current, differentCode(code))
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
    t.equal(
      counter.take(),
      4,
      "a confirmation's resend: one for the session, one for the user, two for the resend"
    )
    await verifyConfirmation(accessToken, confirmationToken, codeIn(twilio.messages.at(-1)?.body))
    t.equal(
      counter.take(),
      4,
      "a confirmation's verify: one for the session, one for the user, two for the verify"
    )

    const next = (await refresh(refreshToken)).json().refreshToken
    t.equal(counter.take(), 1, 'a refresh')
    await refresh(refreshToken)
    t.equal(counter.take(), 2, 'the same refresh again')
    await refresh('nonsense')
    t.equal(counter.take(), 0, 'a refresh with an invalid token')
    const last = (await refresh(next)).json().refreshToken
    counter.take()
    await refresh(refreshToken)
    t.equal(counter.take(), 3, 'a refresh with a used token, which ends the session')
    await logout(last)
    t.equal(counter.take(), 1, 'a logout')

    wait(31)
    const own = await logIn()
    counter.take()
    await changeMe(own.accessToken, { locale: 'de' })
    t.equal(counter.take(), 1, 'a change of the language')
    await changePassword(own.accessToken, 'another horse battery', 'not the password')
    t.equal(counter.take(), 1, 'a change of the password with a wrong one')
    await changePassword(own.accessToken, 'another horse battery')
    t.equal(counter.take(), 5, 'a change of the password: one reads, four are a transaction')
    const change = (await changePhone(own.accessToken, '+12025550106')).json().challengeToken
    t.equal(counter.take(), 2, 'a request for a new number')
    const newCode = twilio.lastCode()
    await verifyPhone(own.accessToken, change, differentCode(newCode))
    t.equal(counter.take(), 2, 'a wrong code for a new number')
    await verifyPhone(own.accessToken, change, newCode)
    await settled()
    t.equal(counter.take(), 6, 'a change of the number: one reads, one attempts, four change it')
    await verifyPhone(own.accessToken, change, newCode)
    t.equal(counter.take(), 3, 'a code for a change that has ended')
    await deleteMe(own.accessToken, 'not the password')
    t.equal(counter.take(), 1, 'a deletion with a wrong password')
    await deleteMe(own.accessToken, 'another horse battery')
    t.equal(counter.take(), 2, 'a deletion')
  })

  t.test('limits add no statement to a request', async t => {
    await counted.prisma.user.deleteMany()
    const { login, resend, verify, twilio, wait } = await startApp(t, {
      database: counted,
      limits: { ...defaultLimits, messagesPerHour: 1000 }
    })
    await login()
    wait(31)
    counter.take()
    await login()
    t.equal(counter.take(), 3, 'a login; one statement checks its country, once a second')
    await login()
    t.equal(
      counter.take(),
      3,
      'a second login while the code is fresh; one statement refunds the attempt'
    )
    wait(31)
    const { challengeToken } = (await login()).json()
    wait(31)
    counter.take()
    await resend(challengeToken)
    t.equal(counter.take(), 3, 'a resend; one statement checks its country')
    await verify(challengeToken, codeIn(twilio.messages.at(-1)?.body))
    t.equal(counter.take(), 2, 'a verify')
    for (let i = 0; i < 10; i++) await login({ ...ada, password: 'wrong horse battery' })
    counter.take()
    for (let i = 0; i < 20; i++) await login({ ...ada, password: 'wrong horse battery' })
    t.equal(
      counter.take(),
      21,
      'twenty refused logins; one statement each, and one more finds that no attempts are left'
    )
  })
  t.test('a status callback takes one statement, and a forged one takes none', async t => {
    await counted.prisma.user.deleteMany()
    const { login, report } = await startApp(t, {
      database: counted,
      limits: defaultLimits,
      publicUrl: 'https://login.example'
    })
    await login()
    counter.take()
    for (const [status, errorCode] of [
      ['sent', undefined],
      ['undelivered', 30006],
      ['undelivered', 30006],
      ['delivered', undefined]
    ] as const) {
      await report(status, errorCode === undefined ? {} : { errorCode })
      t.equal(counter.take(), 1, status)
    }
    await report('received')
    t.equal(counter.take(), 0, 'a status that changes nothing')
    for (let n = 0; n < 3; n++) await report('undelivered', { tampered: { ErrorCode: '30006' } })
    t.equal(counter.take(), 0, 'forged callbacks')
  })

  t.test('a request refused by the request limit takes no statement', async t => {
    await counted.prisma.user.deleteMany()
    const {
      confirm,
      login,
      logIn,
      logout,
      post,
      refresh,
      resend,
      resendConfirmation,
      twilio,
      verify,
      verifyConfirmation,
      wait
    } = await startApp(t, { database: counted, limits: { requests: 5 } })
    const { accessToken, refreshToken } = await logIn()
    const { confirmationToken } = (await confirm(accessToken)).json()
    wait(31)
    const { challengeToken } = (await login()).json()
    for (let i = 0; i < 2; i++) await post('/logout', '{')
    const code = twilio.lastCode()
    counter.take()
    const responses = [
      await login(),
      await resend(challengeToken),
      await verify(challengeToken, code),
      await refresh(refreshToken),
      await logout(refreshToken),
      await confirm(accessToken),
      await resendConfirmation(accessToken, confirmationToken),
      await verifyConfirmation(accessToken, confirmationToken, code)
    ]
    for (const response of responses) t.match(response.json(), { status: 429, reason: 'requests' })
    t.equal(counter.take(), 0)
  })

  t.test('while an exhausted message limit is remembered, it costs no statement', async t => {
    await counted.prisma.user.deleteMany()
    await counted.prisma.rateLimit.deleteMany()
    const { addUser, confirm, logIn, login, resend, wait } = await startApp(t, {
      database: counted,
      limits: { messagesPerHour: 3 },
      policy: { conversion: { ...conversion, floor: 0 } }
    })
    const grace = { username: 'grace', password: 'anchors aweigh', phone: '+12025550144' }
    await addUser(grace)
    const { accessToken } = await logIn(grace)
    await logIn()
    wait(31)
    const { challengeToken } = (await login()).json()
    wait(31)
    counter.take()
    t.equal(slugOf(await resend(challengeToken)), 'too-many-texts')
    t.equal(counter.take(), 3, 'a refused resend reads, tries to store, and rolls back')
    t.equal(slugOf(await resend(challengeToken)), 'too-many-texts')
    t.equal(counter.take(), 1, 'a second refused resend only reads')
    t.equal(slugOf(await confirm(accessToken)), 'too-many-texts')
    t.equal(counter.take(), 1, 'a refused first confirmation only reads')
    wait(6)
    t.equal(slugOf(await confirm(accessToken)), 'too-many-texts')
    t.equal(counter.take(), 4, 'it is also stored and voided if the refusal was not remembered')
  })
})

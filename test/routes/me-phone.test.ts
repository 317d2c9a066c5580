import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { ada, codeIn, differentCode, slugOf, startApp } from '../support/start-app.ts'
import { hang, reject } from '../support/twilio-stand-in.ts'

const newPhone = '+12025550106'
const notice =
  'The phone number for your sms-login login was changed to one ending in 06. ' +
  "If you didn't do this, contact us at once."
const eventsIn = (logged: string[], name: string) =>
  logged.map(line => JSON.parse(line)).filter(({ event }) => event === name)

t.test('a change', async t => {
  t.test('a code to the new number changes the number and notifies the old one', async t => {
    const { changePhone, logged, login, logIn, me, prisma, settled, twilio, verifyPhone, clock } =
      await startApp(t)
    const { accessToken } = await logIn()
    const response = await changePhone(accessToken, newPhone)
    t.equal(response.statusCode, 200)
    const { challengeToken, ...pending } = response.json()
    t.strictSame(pending, {
      expiresIn: 600,
      destination: '+1•••••••06',
      codeLength: 6,
      codeExpiresIn: 60,
      resendIn: 30,
      sent: true
    })
    t.same(
      twilio.messagesTo(newPhone).map(({ body }) => body.replace(/^\d{6} /, '')),
      [
        'confirms this number for your sms-login account. It expires in 1 minute. ' +
          "Don't share it, not even with our staff."
      ]
    )
    t.equal(twilio.messagesTo(ada.phone).length, 1, 'only the login message')
    t.equal((await me(accessToken)).json().phone, '+1•••••••43', 'the number is unchanged')

    const done = await verifyPhone(accessToken, challengeToken, twilio.lastCode())
    t.equal(done.statusCode, 204)
    t.equal(done.body, '')
    t.equal((await me(accessToken)).json().phone, '+1•••••••06')
    t.match(await prisma.user.findMany(), [{ phone: newPhone, phoneChangedAt: clock() }])

    await settled()
    const { sub: userId, sid: sessionId } = decodeJwt(accessToken)
    t.equal(twilio.messagesTo(ada.phone).length, 2)
    t.match(twilio.messages.at(-1), { to: ada.phone, body: notice, validityPeriod: 36_000 })
    t.match(eventsIn(logged, 'phone_change.requested'), [{ userId, sessionId, level: 30 }])
    t.match(eventsIn(logged, 'phone.changed'), [{ userId, sessionId, level: 30 }])
    t.match(eventsIn(logged, 'notice.sent'), [{ userId, notice: 'phoneChanged', country: 'US' }])
    t.notMatch(logged.join(''), /12025550106|12025550143/)

    t.equal((await login()).statusCode, 200)
    t.equal(twilio.messages.at(-1)?.to, newPhone)
  })

  t.test('the change ends all other sessions and all pending challenges', async t => {
    const { changePhone, confirm, logIn, login, logged, me, refresh, sessions, ...service } =
      await startApp(t)
    const { resend, twilio, verify, verifyConfirmation, verifyPhone, wait } = service
    const others = [await logIn(), await logIn()]
    const { accessToken, refreshToken } = await logIn()
    const { confirmationToken } = (await confirm(accessToken)).json()
    const confirmationCode = twilio.lastCode()
    const pendingLogin = (await login()).json().challengeToken
    const loginCode = twilio.lastCode()
    const { challengeToken } = (await changePhone(accessToken, newPhone)).json()
    t.equal((await verifyPhone(accessToken, challengeToken, twilio.lastCode())).statusCode, 204)

    for (const other of others) {
      t.equal(slugOf(await me(other.accessToken)), 'invalid-token')
      t.equal(slugOf(await refresh(other.refreshToken)), 'session-ended')
    }
    t.equal(eventsIn(logged, 'session.ended').length, 2)
    t.equal((await sessions(accessToken)).json().sessions.length, 1)
    t.equal((await refresh(refreshToken)).statusCode, 200)
    t.equal(slugOf(await verify(pendingLogin, loginCode)), 'challenge-ended')
    t.equal(
      slugOf(await verifyConfirmation(accessToken, confirmationToken, confirmationCode)),
      'challenge-ended'
    )
    wait(31)
    t.equal(slugOf(await resend(pendingLogin)), 'challenge-ended')
    t.equal((await login()).json().sent, true)
  })

  t.test('the number is accepted in any common form and stored in canonical form', async t => {
    const { changePhone, logIn, prisma, twilio, verifyPhone } = await startApp(t)
    const { accessToken } = await logIn()
    const { challengeToken } = (await changePhone(accessToken, ' +44 (0)7400 123-456 ')).json()
    t.equal(twilio.messages.at(-1)?.to, '+447400123456')
    await verifyPhone(accessToken, challengeToken, twilio.lastCode())
    t.match(await prisma.user.findMany(), [{ phone: '+447400123456' }])
  })

  t.test('a user without a number can set one, and no notice is sent', async t => {
    const { changePhone, logIn, prisma, settled, twilio, verifyPhone } = await startApp(t)
    const { accessToken } = await logIn()
    await prisma.user.updateMany({ data: { phone: null } })
    const { challengeToken } = (await changePhone(accessToken, newPhone)).json()
    t.equal((await verifyPhone(accessToken, challengeToken, twilio.lastCode())).statusCode, 204)
    await settled()
    t.equal(twilio.messages.length, 2, 'only the codes of the login and the change')
    t.match(await prisma.user.findMany(), [{ phone: newPhone }])
  })

  t.test("the messages are in the user's language", async t => {
    const { changePhone, logIn, resend, settled, twilio, users, verifyPhone, wait } =
      await startApp(t)
    const { accessToken } = await logIn()
    await users.change({ username: 'ada' }, { locale: 'de' }, new Date())
    const { challengeToken } = (await changePhone(accessToken, newPhone)).json()
    t.match(
      twilio.messages.at(-1)?.body,
      /^\d{6} bestätigt diese Nummer für Ihr Konto bei sms-login\. /
    )
    wait(31)
    await resend(challengeToken)
    t.match(twilio.messages.at(-1)?.body, /^\d{6} bestätigt diese Nummer /)
    await verifyPhone(accessToken, challengeToken, twilio.lastCode())
    await settled()
    t.match(twilio.messages.at(-1)?.body, /^Die Telefonnummer .* endet jetzt auf 06\. /)
  })

  t.test('the token has its own type and audience and no personal data', async t => {
    const { changePhone, logIn } = await startApp(t)
    const { accessToken } = await logIn()
    const { challengeToken } = (await changePhone(accessToken, newPhone)).json()
    t.match(decodeProtectedHeader(challengeToken), { typ: 'phone-change+jwt', alg: 'HS256' })
    const claims = decodeJwt(challengeToken)
    t.equal(claims.aud, 'https://login.example/me/phone/verify')
    t.same(Object.keys(claims).sort(), ['aud', 'exp', 'iat', 'iss', 'jti', 'sub'])
    t.not(claims.sub, decodeJwt(accessToken).sub)
  })
})

t.test('requests', async t => {
  t.test('a number that is not valid is refused with the name of the field', async t => {
    const { app, changePhone, logIn, twilio } = await startApp(t)
    const { accessToken } = await logIn()
    for (const [phone, detail] of [
      ['12025550106', /must be a valid number in E\.164 form/],
      ['0012025550106', /must begin with \+ instead of 00/],
      ['+1 202 555', /must be a valid number/],
      ['ring me', /must be a valid number/],
      ['', /must not be empty/],
      ['+12025550106'.padEnd(65), /must be at most 64 characters/],
      [ada.phone, /must differ from the number on file/]
    ] as const) {
      const response = await changePhone(accessToken, phone)
      t.match(response.json(), {
        status: 400,
        type: /invalid-request$/,
        errors: [{ pointer: '#/phone', detail }]
      })
    }
    for (const payload of [{}, { phone: 12025550106 }, { phone: newPhone, locale: 'de' }]) {
      const response = await app.inject({
        method: 'POST',
        url: '/me/phone',
        payload,
        headers: { authorization: `Bearer ${accessToken}` }
      })
      t.equal(slugOf(response), 'invalid-request')
    }
    t.equal(twilio.requests.length, 1, 'only the login message')
  })

  t.test('a number that may not receive messages is undeliverable', async t => {
    const { changePhone, logIn, twilio } = await startApp(t, { countries: ['US'] })
    const { accessToken } = await logIn()
    for (const phone of ['+447400123456', '+18005550199', '+19005550199'])
      t.match((await changePhone(accessToken, phone)).json(), {
        status: 422,
        type: /sms-undeliverable$/
      })
    t.equal(twilio.requests.length, 1, 'only the login message')
  })

  t.test('an access token of a recent login is required', async t => {
    const { app, changePhone, logIn, logout, refresh, wait } = await startApp(t)
    const { accessToken, refreshToken } = await logIn()
    t.match(await app.inject({ method: 'POST', url: '/me/phone', payload: { phone: newPhone } }), {
      statusCode: 401,
      headers: { 'www-authenticate': /^Bearer/ }
    })
    wait(899)
    t.equal((await changePhone(accessToken, newPhone)).statusCode, 200)
    const next = (await refresh(refreshToken)).json()
    wait(1)
    const response = await changePhone(next.accessToken, newPhone)
    t.match(response.json(), { type: /reauthentication-required$/, status: 401, maxAge: 900 })
    t.match(
      response.headers['www-authenticate'],
      /error="insufficient_user_authentication"[^]*max_age="900"/
    )
    const again = await logIn()
    await logout(again.refreshToken)
    t.equal(slugOf(await changePhone(again.accessToken, newPhone)), 'invalid-token')
  })

  t.test('the same number again sends no message while the code is fresh', async t => {
    const { changePhone, logIn, twilio, verifyPhone, wait } = await startApp(t)
    const { accessToken } = await logIn()
    const first = (await changePhone(accessToken, newPhone)).json()
    wait(10)
    const second = (await changePhone(accessToken, '+1 (202) 555-0106')).json()
    t.match(second, { sent: false, resendIn: 20, codeExpiresIn: 50, expiresIn: 590 })
    t.equal(twilio.messagesTo(newPhone).length, 1)
    const code = twilio.lastCode()
    t.equal((await verifyPhone(accessToken, second.challengeToken, code)).statusCode, 204)
    t.equal(slugOf(await verifyPhone(accessToken, first.challengeToken, code)), 'challenge-ended')
  })

  t.test('another number replaces the pending change at once', async t => {
    const { changePhone, logIn, prisma, twilio, verifyPhone } = await startApp(t)
    const { accessToken } = await logIn()
    const first = (await changePhone(accessToken, '+12025550107')).json().challengeToken
    const firstCode = twilio.lastCode()
    const second = (await changePhone(accessToken, newPhone)).json()
    t.equal(second.sent, true)
    const code = twilio.lastCode()
    t.equal(slugOf(await verifyPhone(accessToken, first, firstCode)), 'challenge-ended')
    t.equal(slugOf(await verifyPhone(accessToken, first, code)), 'challenge-ended')
    t.equal((await verifyPhone(accessToken, second.challengeToken, code)).statusCode, 204)
    t.match(await prisma.user.findMany(), [{ phone: newPhone }])
  })

  t.test('the response does not reveal that another user has the number', async t => {
    const { addUser, changePhone, logIn } = await startApp(t)
    await addUser({ username: 'grace', password: 'anchors aweigh', phone: newPhone })
    const { accessToken } = await logIn()
    const taken = await changePhone(accessToken, newPhone)
    const free = await changePhone(accessToken, '+12025550107')
    t.match(taken, { statusCode: 200 })
    t.same(Object.keys(taken.json()), Object.keys(free.json()))
  })
})

t.test('codes', async t => {
  t.test('a wrong code says how many attempts are left and the fifth ends the change', async t => {
    const { changePhone, logIn, twilio, verifyPhone } = await startApp(t)
    const { accessToken } = await logIn()
    const { challengeToken } = (await changePhone(accessToken, newPhone)).json()
    const code = twilio.lastCode()
    for (const attemptsRemaining of [4, 3, 2, 1, 0])
      t.match((await verifyPhone(accessToken, challengeToken, differentCode(code))).json(), {
        status: 401,
        type: /wrong-code$/,
        attemptsRemaining
      })
    t.equal(slugOf(await verifyPhone(accessToken, challengeToken, code)), 'challenge-ended')
    t.equal(slugOf(await verifyPhone(accessToken, challengeToken, '12345')), 'invalid-request')
  })

  t.test('an expired code is refused and a resend sends another to the new number', async t => {
    const { changePhone, logIn, resend, twilio, verifyPhone, wait } = await startApp(t)
    const { accessToken } = await logIn()
    const { challengeToken } = (await changePhone(accessToken, newPhone)).json()
    t.equal(slugOf(await resend(challengeToken)), 'resend-too-soon')
    wait(60)
    const code = twilio.lastCode()
    t.equal(slugOf(await verifyPhone(accessToken, challengeToken, code)), 'code-expired')
    const resent = await resend(challengeToken)
    t.match(resent.json(), { sent: true, destination: '+1•••••••06', expiresIn: 540 })
    t.equal(
      decodeProtectedHeader(resent.json().challengeToken).typ,
      'phone-change+jwt',
      'the token is of the same kind'
    )
    t.equal(twilio.messages.at(-1)?.to, newPhone)
    t.equal(slugOf(await verifyPhone(accessToken, challengeToken, code)), 'wrong-code')
    const done = await verifyPhone(accessToken, resent.json().challengeToken, twilio.lastCode())
    t.equal(done.statusCode, 204)
    t.equal(slugOf(await resend(challengeToken)), 'challenge-ended')
  })

  t.test('the change ends after ten minutes', async t => {
    const { changePhone, logIn, resend, twilio, verifyPhone, wait } = await startApp(t)
    const { accessToken } = await logIn()
    const { challengeToken } = (await changePhone(accessToken, newPhone)).json()
    wait(599)
    t.equal((await resend(challengeToken)).json().codeExpiresIn, 1)
    wait(2)
    t.equal(
      slugOf(await verifyPhone(accessToken, challengeToken, twilio.lastCode())),
      'challenge-ended'
    )
  })

  t.test('a session of the same user may complete the change', async t => {
    const { changePhone, logIn, me, twilio, verifyPhone } = await startApp(t)
    const first = await logIn()
    const second = await logIn()
    const { challengeToken } = (await changePhone(first.accessToken, newPhone)).json()
    t.equal(
      (await verifyPhone(second.accessToken, challengeToken, twilio.lastCode())).statusCode,
      204
    )
    t.equal(slugOf(await me(first.accessToken)), 'invalid-token')
    t.equal((await me(second.accessToken)).statusCode, 200)
  })

  t.test('an ended session cannot complete a change', async t => {
    const { changePhone, logIn, logout, prisma, twilio, verifyPhone } = await startApp(t)
    const { accessToken, refreshToken } = await logIn()
    const { challengeToken } = (await changePhone(accessToken, newPhone)).json()
    await logout(refreshToken)
    t.equal(
      slugOf(await verifyPhone(accessToken, challengeToken, twilio.lastCode())),
      'invalid-token'
    )
    t.match(await prisma.user.findMany(), [{ phone: ada.phone, phoneChangeFailures: 0 }])
  })
})

t.test('Twilio', async t => {
  t.test(
    'a number to which Twilio cannot send is undeliverable, and the change may be repeated',
    async t => {
      const { changePhone, logIn, twilio, verifyPhone } = await startApp(t)
      const { accessToken } = await logIn()
      twilio.failNext(reject(400, 21614))
      t.equal(slugOf(await changePhone(accessToken, '+12025550107')), 'sms-undeliverable')
      t.equal(slugOf(await changePhone(accessToken, '+12025550107')), 'sms-undeliverable')
      t.equal(twilio.requests.length, 2)
      const { challengeToken } = (await changePhone(accessToken, newPhone)).json()
      t.equal((await verifyPhone(accessToken, challengeToken, twilio.lastCode())).statusCode, 204)
    }
  )

  t.test('a failed message starts no cooldown', async t => {
    const { changePhone, logIn, twilio } = await startApp(t)
    const { accessToken } = await logIn()
    twilio.failNext(({ fail }) => fail(500, null))
    t.equal(slugOf(await changePhone(accessToken, newPhone)), 'sms-unavailable')
    t.equal((await changePhone(accessToken, newPhone)).json().sent, true)
  })

  t.test('a failed notice is logged and the change stays', async t => {
    const { changePhone, logIn, logged, me, settled, twilio, verifyPhone } = await startApp(t)
    const { accessToken } = await logIn()
    const { challengeToken } = (await changePhone(accessToken, newPhone)).json()
    twilio.failNext(reject(400, 21610))
    t.equal((await verifyPhone(accessToken, challengeToken, twilio.lastCode())).statusCode, 204)
    await settled()
    t.match(eventsIn(logged, 'notice.send_failed'), [
      { level: 40, notice: 'phoneChanged', reason: 'blocked', userId: decodeJwt(accessToken).sub }
    ])
    t.equal(eventsIn(logged, 'notice.sent').length, 0)
    t.equal((await me(accessToken)).json().phone, '+1•••••••06')
    t.equal(twilio.requests.length, 3, 'the notice is not sent again')
  })

  t.test('no response waits for a notice to which Twilio does not respond', async t => {
    const { app, changePhone, logIn, logged, settled, twilio, verifyPhone } = await startApp(t, {
      twilioTimeoutMs: 2000
    })
    const { accessToken } = await logIn()
    const { challengeToken } = (await changePhone(accessToken, newPhone)).json()
    twilio.failNext(hang())
    t.equal((await verifyPhone(accessToken, challengeToken, twilio.lastCode())).statusCode, 204)
    t.equal(eventsIn(logged, 'notice.send_failed').length, 0, 'the send is still running')
    await app.close()
    await settled()
    t.match(eventsIn(logged, 'notice.send_failed'), [{ reason: 'unknown' }])
  })

  t.test('a notice starts no login cooldown and does not count toward message limits', async t => {
    const { changePhone, logIn, login, prisma, settled, twilio, verifyPhone } = await startApp(t, {
      limits: { messagesPerPhoneHour: 20, messagesPerPhoneDay: 20 }
    })
    const { accessToken } = await logIn()
    const { challengeToken } = (await changePhone(accessToken, newPhone)).json()
    const counts = () => prisma.rateLimit.findMany({ orderBy: { key: 'asc' } })
    const before = await counts()
    await verifyPhone(accessToken, challengeToken, codeIn(twilio.messages.at(-1)?.body))
    await settled()
    t.same(await counts(), before)
    t.equal((await login()).json().sent, true)
  })
})

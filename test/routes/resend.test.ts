import { decodeJwt } from 'jose'
import t from 'tap'
import { createTestDatabase } from '../support/database.ts'
import { ada, codeIn, differentCode, slugOf, startApp } from '../support/start-app.ts'
import { acceptThenFail, acceptThenReset, hang, reject } from '../support/twilio-stand-in.ts'

t.test('a new code', async t => {
  t.test('a resend sends a new code and keeps attempts and expiry', async t => {
    const { loginAndReadCode, resend, verify, twilio, wait } = await startApp(t)
    const { challengeToken, code } = await loginAndReadCode()
    await verify(challengeToken, differentCode(code))
    wait(31)
    const response = await resend(challengeToken)
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    const { challengeToken: second, ...rest } = response.json()
    t.same(rest, {
      expiresIn: 569,
      destination: '+1•••••••43',
      codeLength: 6,
      codeExpiresIn: 60,
      resendIn: 30,
      sent: true
    })
    t.equal(decodeJwt(second).exp, decodeJwt(challengeToken).exp)

    const newCode = twilio.lastCode()
    t.not(newCode, code)
    t.equal(twilio.messages.length, 2)
    const old = await verify(second, code)
    t.equal(slugOf(old), 'wrong-code')
    t.equal(old.json().attemptsRemaining, 3)
    t.equal(
      (await verify(challengeToken, newCode)).statusCode,
      200,
      'the first challenge token stays valid'
    )
  })

  t.test('resends never add attempts', async t => {
    const { loginAndReadCode, resend, verify, twilio } = await startApp(t, {
      policy: { resendCooldown: 0 }
    })
    const { challengeToken } = await loginAndReadCode()
    for (const attemptsRemaining of [4, 3, 2, 1, 0]) {
      t.equal((await resend(challengeToken)).statusCode, 200)
      t.equal(
        (await verify(challengeToken, differentCode(twilio.lastCode()))).json().attemptsRemaining,
        attemptsRemaining
      )
    }
    t.equal(slugOf(await resend(challengeToken)), 'challenge-ended')
    t.equal(twilio.messages.length, 6)
  })

  t.test('a code sent near the end of its challenge expires with it', async t => {
    const { loginAndReadCode, login, resend, verify, twilio, wait } = await startApp(t, {
      policy: { challengeTtl: 95 }
    })
    t.match((await login()).json(), { expiresIn: 95, codeExpiresIn: 60 })
    t.match(twilio.messages[0]?.body, /expires in 1 minute\./)
    const { challengeToken } = await loginAndReadCode()
    wait(70)
    t.match((await resend(challengeToken)).json(), { expiresIn: 25, codeExpiresIn: 25 })
    t.match(twilio.messages[1], { body: /expires in 25 seconds\./, validityPeriod: 25 })
    wait(24)
    t.equal(slugOf(await verify(challengeToken, differentCode(twilio.lastCode()))), 'wrong-code')
    wait(1)
    t.equal(slugOf(await verify(challengeToken, twilio.lastCode())), 'challenge-ended')
  })
})

t.test('cooldown', async t => {
  t.test('a resend within the cooldown is refused and keeps the code', async t => {
    const { loginAndReadCode, resend, verify, twilio, wait } = await startApp(t)
    const { challengeToken, code } = await loginAndReadCode()
    for (const [seconds, left] of [
      [0, 30],
      [10, 20],
      [19, 1]
    ] as const) {
      wait(seconds)
      const response = await resend(challengeToken)
      t.equal(slugOf(response), 'resend-too-soon')
      t.equal(response.statusCode, 429)
      t.equal(response.headers['retry-after'], String(left))
      t.equal(response.json().retryAfter, left)
    }
    t.equal(twilio.messages.length, 1)
    t.equal((await verify(challengeToken, code)).statusCode, 200)
  })

  t.test('a resend succeeds after resendIn seconds and starts the next cooldown', async t => {
    const { login, resend, wait } = await startApp(t)
    const { challengeToken, resendIn } = (await login()).json()
    wait(resendIn)
    t.equal((await resend(challengeToken)).statusCode, 200)
    t.equal(slugOf(await resend(challengeToken)), 'resend-too-soon')
  })

  t.test('fifty concurrent resends send one message', async t => {
    const { loginAndReadCode, resend, verify, twilio, wait } = await startApp(t)
    const { challengeToken } = await loginAndReadCode()
    wait(30)
    const responses = await Promise.all(Array.from({ length: 50 }, () => resend(challengeToken)))
    t.equal(responses.filter(({ statusCode }) => statusCode === 200).length, 1)
    t.equal(responses.filter(response => slugOf(response) === 'resend-too-soon').length, 49)
    t.equal(twilio.messages.length, 2)
    t.equal((await verify(challengeToken, twilio.lastCode())).statusCode, 200)
  })
})

t.test('recipient', async t => {
  t.test('a used, expired or forged challenge sends no message', async t => {
    const { loginAndReadCode, resend, verify, twilio, wait } = await startApp(t)
    const used = await loginAndReadCode()
    await verify(used.challengeToken, used.code)
    wait(30)
    t.equal(slugOf(await resend(used.challengeToken)), 'challenge-ended')
    const expired = await loginAndReadCode()
    wait(600)
    t.equal(slugOf(await resend(expired.challengeToken)), 'challenge-ended')
    t.equal(slugOf(await resend('forged')), 'challenge-ended')
    t.equal(twilio.messages.length, 2)
  })

  for (const data of [{ disabled: true }, { phone: null }]) {
    t.test(`a user with ${JSON.stringify(data)} gets no message`, async t => {
      const { loginAndReadCode, resend, twilio, prisma, wait } = await startApp(t)
      const { challengeToken } = await loginAndReadCode()
      await prisma.user.updateMany({ data })
      wait(30)
      t.equal(slugOf(await resend(challengeToken)), 'challenge-ended')
      t.equal(twilio.messages.length, 1)
    })
  }

  t.test('a phone number in the request is refused', async t => {
    const { loginAndReadCode, post, twilio, wait } = await startApp(t)
    const { challengeToken } = await loginAndReadCode()
    wait(30)
    for (const [url, body] of [
      ['/resend', { challengeToken }],
      ['/login', { username: ada.username, password: ada.password }]
    ] as const) {
      t.equal(slugOf(await post(url, { ...body, phone: '+12025550166' })), 'invalid-request')
    }
    t.equal(twilio.messages.length, 1)
  })
})

t.test('undeliverable messages', async t => {
  const failures = [
    ['sms-unavailable', 503, 'Twilio fails', acceptThenFail(500)],
    ['sms-unavailable', 503, 'the connection breaks', acceptThenReset()],
    ['sms-unavailable', 503, 'Twilio limits the account', reject(429, 20429)]
  ] as const

  const undeliverable = [
    ['a landline', reject(400, 21614)],
    ['unsubscribed by its user', reject(400, 21610)],
    ['in a country that is not allowed', reject(400, 21408)]
  ] as const

  for (const [reason, failure] of undeliverable)
    t.test(`a number that is ${reason} gets no usable code and no second attempt`, async t => {
      const { loginAndReadCode, login, resend, verify, prisma, clock, twilio, wait } =
        await startApp(t)
      const { challengeToken, code } = await loginAndReadCode()
      wait(30)
      twilio.failNext(failure)
      const response = await resend(challengeToken)
      t.equal(slugOf(response), 'sms-undeliverable')
      t.equal(response.statusCode, 422)
      t.notMatch(
        response.body,
        /twilio|21\d{3}|Error \d|challengeToken/i,
        'the response reveals nothing of the provider’s error'
      )
      const row = await prisma.challenge.findFirstOrThrow()
      t.ok(row.codeExpiresAt <= clock() && row.resendAt <= clock())
      t.equal(slugOf(await verify(challengeToken, code)), 'code-expired')

      const { length } = twilio.requests
      t.equal(slugOf(await resend(challengeToken)), 'sms-undeliverable')
      t.equal(slugOf(await login()), 'sms-undeliverable')
      t.equal(twilio.requests.length, length)
    })

  for (const [slug, status, reason, failure] of failures) {
    t.test(
      `a login whose message fails because ${reason} leaves no usable code and no cooldown`,
      async t => {
        const { loginAndReadCode, login, verify, prisma, clock, twilio, wait } = await startApp(t)
        const before = await loginAndReadCode()
        wait(30)
        twilio.failNext(failure)
        const response = await login()
        t.equal(slugOf(response), slug)
        t.equal(response.statusCode, status)
        t.notMatch(
          response.body,
          /twilio|2042|Error \d|challengeToken/i,
          'the response reveals nothing of the provider’s error'
        )
        const row = await prisma.challenge.findFirstOrThrow()
        t.ok(row.codeExpiresAt <= clock() && row.resendAt <= clock())
        t.equal(slugOf(await verify(before.challengeToken, before.code)), 'challenge-ended')

        const delivered = codeIn(twilio.messages.at(-1)?.body)
        const next = await loginAndReadCode()
        t.equal(next.code, twilio.lastCode())
        t.not(next.code, delivered, 'the code of a message that was delivered anyway is not reused')
        t.equal((await verify(next.challengeToken, next.code)).statusCode, 200)
      }
    )

    t.test(
      `a resend whose message fails because ${reason} voids the code and may be repeated at once`,
      async t => {
        const { loginAndReadCode, resend, verify, twilio, wait } = await startApp(t)
        const { challengeToken, code } = await loginAndReadCode()
        await verify(challengeToken, differentCode(code))
        wait(30)
        twilio.failNext(failure, failure)
        for (let i = 0; i < 2; i++) {
          const response = await resend(challengeToken)
          t.equal(slugOf(response), slug)
          t.equal(response.statusCode, status)
        }
        for (const voided of [code, twilio.lastCode()])
          t.equal(slugOf(await verify(challengeToken, voided)), 'code-expired')

        t.match((await resend(challengeToken)).json(), {
          sent: true,
          expiresIn: 570,
          codeExpiresIn: 60,
          resendIn: 30
        })
        const wrong = await verify(challengeToken, differentCode(twilio.lastCode()))
        t.equal(wrong.json().attemptsRemaining, 3)
        t.equal((await verify(challengeToken, twilio.lastCode())).statusCode, 200)
      }
    )
  }

  t.test('a request to Twilio times out and is not repeated', async t => {
    const { login, twilio } = await startApp(t, { twilioTimeoutMs: 1000 })
    twilio.failNext(hang())
    t.equal(slugOf(await login()), 'sms-unavailable')
    t.equal(twilio.requests.length, 1)
    t.equal((await login()).json().sent, true)
  })

  t.test(
    'a message failure during a database failure is reported as a message failure',
    async t => {
      const database = await createTestDatabase(t)
      const { loginAndReadCode, resend, twilio, wait, logged } = await startApp(t, { database })
      const { challengeToken } = await loginAndReadCode()
      wait(31)
      twilio.failNext(exchange => {
        void database.prisma.$executeRaw`ALTER TABLE challenges RENAME TO gone`.then(() =>
          exchange.fail(500, null)
        )
      })
      t.equal(slugOf(await resend(challengeToken)), 'sms-unavailable')
      t.ok(logged.some(line => line.includes('request refused, and its cleanup failed')))
    }
  )
})

t.test('slow Twilio', async t => {
  t.test('a code works before Twilio has responded', async t => {
    const { loginAndReadCode, resend, verify, twilio, wait } = await startApp(t)
    const { challengeToken } = await loginAndReadCode()
    wait(30)
    const { respond, accepted } = respondLater(twilio)
    const slow = resend(challengeToken)
    await accepted
    t.equal((await verify(challengeToken, twilio.lastCode())).statusCode, 200)
    respond()
    t.equal((await slow).statusCode, 200)
  })

  t.test("a second login does not wait for the first one's message", async t => {
    const { login, twilio } = await startApp(t)
    const { respond, accepted } = respondLater(twilio)
    const slow = login()
    await accepted
    t.equal((await login()).json().sent, false)
    respond()
    t.equal((await slow).json().sent, true)
    t.equal(twilio.messages.length, 1)
  })
})

/** Twilio accepts the next message and responds when `respond` is called. */
function respondLater(twilio: Awaited<ReturnType<typeof startApp>>['twilio']) {
  const accepted = new Promise<() => void>(resolve => {
    twilio.failNext(({ accept, succeed }) => {
      accept()
      resolve(succeed)
    })
  })
  return {
    accepted,
    respond: () => {
      accepted.then(
        succeed => succeed(),
        () => {}
      )
    }
  }
}

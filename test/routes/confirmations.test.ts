import { createHash, generateKeyPairSync } from 'node:crypto'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose'
import { SegmentedMessage } from 'sms-segments-calculator'
import t from 'tap'
import { readConfig } from '../../src/config/config.ts'
import {
  ada,
  codeIn,
  defaultLimits,
  differentCode,
  slugOf,
  startApp,
  transfer
} from '../support/start-app.ts'

const sentence = 'Send 250.00 EUR to Grace Hopper'

t.test('codes and receipts', async t => {
  t.test('the receipt signs exactly what the message showed', async t => {
    const { app, logIn, confirm, verifyConfirmation, twilio, clock } = await startApp(t)
    const { accessToken } = await logIn()
    const response = await confirm(accessToken)
    t.equal(response.statusCode, 201)
    const { confirmationToken, ...pending } = response.json()
    t.strictSame(pending, {
      text: sentence,
      expiresIn: 600,
      destination: '+1•••••••43',
      codeLength: 6,
      codeExpiresIn: 60,
      resendIn: 30,
      sent: true,
      replaced: false
    })
    const code = twilio.lastCode()
    t.equal(
      twilio.messages.at(-1)?.body,
      `${code} confirms this with sms-login:\n${sentence}\n` +
        'Expires in 1 minute. Never share the code.'
    )

    const receipt = (await verifyConfirmation(accessToken, confirmationToken, code)).json()
    t.match(receipt, { receipt: String, expiresIn: 300 })
    const { payload, protectedHeader } = await jwtVerify(
      receipt.receipt,
      createLocalJWKSet((await app.inject('/.well-known/jwks.json')).json()),
      {
        issuer: 'https://login.example',
        audience: 'https://api.example',
        typ: 'receipt+jwt',
        algorithms: ['ES256'],
        currentDate: clock()
      }
    )
    t.strictSame(Object.keys(protectedHeader).sort(), ['alg', 'kid', 'typ'])
    const { jti, ...claims } = payload
    t.match(jti, /^[\w-]{22}$/)
    const login = decodeJwt(accessToken)
    const now = Math.floor(clock().getTime() / 1000)
    t.strictSame(claims, {
      sub: login.sub,
      iss: 'https://login.example',
      aud: 'https://api.example',
      iat: now,
      exp: now + 300,
      action: 'transfer',
      data: transfer.data,
      reference: 'order-1815',
      text_hash: createHash('sha256').update(sentence).digest('base64url'),
      auth_time: login['auth_time'],
      amr: ['pwd', 'sms', 'mfa']
    })
  })

  t.test('a confirmation code works once', async t => {
    const { logIn, confirm, verifyConfirmation, twilio } = await startApp(t)
    const { accessToken } = await logIn()
    const { confirmationToken } = (await confirm(accessToken)).json()
    t.equal(
      (await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())).statusCode,
      200
    )
    t.equal(
      slugOf(await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())),
      'challenge-ended'
    )
    t.match(
      (await confirm(accessToken)).json(),
      { sent: true, replaced: false },
      'a finished confirmation is not replaced'
    )
  })

  t.test(
    'wrong and expired codes and ended confirmations get the same problems as at login',
    async t => {
      const { logIn, confirm, verifyConfirmation, twilio, wait } = await startApp(t)
      const { accessToken } = await logIn()
      const expired = (await confirm(accessToken)).json().confirmationToken
      wait(60)
      t.equal(
        slugOf(await verifyConfirmation(accessToken, expired, twilio.lastCode())),
        'code-expired'
      )
      const { confirmationToken } = (await confirm(accessToken)).json()
      for (let left = 4; left >= 0; left--)
        t.match(
          (
            await verifyConfirmation(
              accessToken,
              confirmationToken,
              differentCode(twilio.lastCode())
            )
          ).json(),
          { attemptsRemaining: left, type: /wrong-code$/ }
        )
      t.equal(
        slugOf(await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())),
        'challenge-ended'
      )
      const last = (await confirm(accessToken)).json().confirmationToken
      wait(600)
      t.equal(
        slugOf(await verifyConfirmation(accessToken, last, twilio.lastCode())),
        'challenge-ended'
      )
    }
  )

  t.test('receipts are signed with the current signing key of any type', async t => {
    const { logIn, confirm, verifyConfirmation, twilio } = await startApp(t, {
      signingKeys: [generateKeyPairSync('ed25519').privateKey]
    })
    const { accessToken } = await logIn()
    const { confirmationToken } = (await confirm(accessToken)).json()
    const { receipt } = (
      await verifyConfirmation(accessToken, confirmationToken, codeIn(twilio.messages.at(-1)?.body))
    ).json()
    t.match(decodeProtectedHeader(receipt), {
      alg: 'EdDSA',
      typ: 'receipt+jwt',
      kid: decodeProtectedHeader(accessToken).kid
    })
  })

  t.test('a number is a number in the receipt and written unchanged in the message', async t => {
    const { logIn, confirm, verifyConfirmation, twilio } = await startApp(t)
    const { accessToken } = await logIn()
    const data = { ...transfer.data, amount: 250.5 }
    const { confirmationToken, text } = (await confirm(accessToken, { ...transfer, data })).json()
    t.equal(text, 'Send 250.5 EUR to Grace Hopper')
    const { receipt } = (
      await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())
    ).json()
    t.strictSame(decodeJwt(receipt)['data'], data)
    t.equal(
      slugOf(await confirm(accessToken, { ...transfer, data: { ...data, amount: 1e21 } })),
      'invalid-request'
    )
  })

  t.test('-0 confirms as 0', async t => {
    const { app, logIn, verifyConfirmation, twilio } = await startApp(t)
    const { accessToken } = await logIn()
    const confirmed = (amount: string) =>
      app.inject({
        method: 'POST',
        url: '/confirmations',
        headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
        payload: `{"action":"transfer","data":{"amount":${amount},"currency":"EUR","payee":"x"}}`
      })
    const { confirmationToken, text } = (await confirmed('-0')).json()
    t.equal(text, 'Send 0 EUR to x')
    for (const amount of ['-0', '0', '-0.0', '0e5'])
      t.match((await confirmed(amount)).json(), { sent: false }, amount)
    t.equal(twilio.messages.length, 2, 'one for the login and one for the confirmation')
    const { receipt } = (
      await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())
    ).json()
    t.match(decodeJwt(receipt)['data'], { amount: 0 })
  })
})

t.test('repeated requests', async t => {
  t.test(
    'the same action within the cooldown continues the confirmation without another message',
    async t => {
      const { logIn, confirm, verifyConfirmation, twilio } = await startApp(t)
      const { accessToken } = await logIn()
      await confirm(accessToken)
      const code = twilio.lastCode()
      const again = (await confirm(accessToken)).json()
      t.match(again, { sent: false, replaced: false, text: sentence })
      t.equal(twilio.messages.length, 2, 'one for the login and one for the confirmation')
      const next = (await verifyConfirmation(accessToken, again.confirmationToken, code)).json()
      t.ok(next.receipt, 'the code of the message is still valid')
    }
  )

  t.test('a different action replaces the confirmation', async t => {
    const { logIn, confirm, verifyConfirmation, twilio } = await startApp(t)
    const { accessToken } = await logIn()
    const first = (await confirm(accessToken)).json()
    const code = twilio.lastCode()
    const again = (await confirm(accessToken)).json()
    for (const change of [
      { data: { ...transfer.data, amount: '250.01' } },
      { reference: 'order-1816' },
      { reference: undefined }
    ]) {
      t.match(
        (await confirm(accessToken, { ...transfer, ...change })).json(),
        { sent: true, replaced: true },
        JSON.stringify(change)
      )
    }
    t.equal(twilio.messages.length, 5)
    for (const { confirmationToken } of [first, again])
      t.equal(
        slugOf(await verifyConfirmation(accessToken, confirmationToken, code)),
        'challenge-ended'
      )
  })

  t.test('a resend sends the same action with a new code and keeps the attempts', async t => {
    const { logIn, confirm, resendConfirmation, verifyConfirmation, twilio, wait } =
      await startApp(t)
    const { accessToken } = await logIn()
    const { confirmationToken } = (await confirm(accessToken)).json()
    const old = twilio.lastCode()
    t.equal(
      (await verifyConfirmation(accessToken, confirmationToken, differentCode(old))).json()
        .attemptsRemaining,
      4
    )
    const early = await resendConfirmation(accessToken, confirmationToken)
    t.equal(slugOf(early), 'resend-too-soon')
    t.equal(early.headers['retry-after'], '30')
    wait(30)
    const response = await resendConfirmation(accessToken, confirmationToken)
    t.equal(response.statusCode, 200)
    t.match(response.json(), {
      confirmationToken: String,
      text: sentence,
      expiresIn: 570,
      sent: true,
      replaced: false
    })
    t.match(twilio.messages.at(-1)?.body, sentence)
    t.equal(
      (await verifyConfirmation(accessToken, response.json().confirmationToken, old)).json()
        .attemptsRemaining,
      3
    )
    t.equal(
      (await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())).statusCode,
      200
    )
  })

  t.test('a login and a confirmation have separate cooldowns', async t => {
    const { login, logIn, confirm, verify, verifyConfirmation, twilio } = await startApp(t)
    const { accessToken } = await logIn()
    const { confirmationToken } = (await confirm(accessToken)).json()
    const confirmCode = twilio.lastCode()
    t.equal((await login()).json().sent, true, 'no cooldown for the login')
    const loginCode = twilio.lastCode()
    t.match(twilio.messages.at(-1)?.body, / login code/)
    t.equal((await verifyConfirmation(accessToken, confirmationToken, confirmCode)).statusCode, 200)
    t.equal((await confirm(accessToken)).json().sent, true, 'nor for the confirmation')
    const { challengeToken } = (await login()).json()
    t.equal((await verify(challengeToken, loginCode)).statusCode, 200)
  })
})

t.test('lockout and message limits', async t => {
  t.test('wrong confirmation codes lock confirmations and never logins', async t => {
    const service = await startApp(t, {
      limits: { codeFailures: 5 },
      policy: { codeAttempts: 10, codeTtl: 600 }
    })
    const { confirm, resendConfirmation, verifyConfirmation, twilio, wait, users } = service
    const { accessToken } = await service.logIn()
    const { confirmationToken } = (await confirm(accessToken)).json()
    const code = twilio.lastCode()
    for (let left = 4; left >= 0; left--)
      t.equal(
        (await verifyConfirmation(accessToken, confirmationToken, differentCode(code))).json()
          .attemptsRemaining,
        left
      )
    const locked = { status: 429, reason: 'codes', retryAfter: 900 }
    t.match((await verifyConfirmation(accessToken, confirmationToken, code)).json(), locked)
    t.match((await confirm(accessToken)).json(), locked)
    t.match((await resendConfirmation(accessToken, confirmationToken)).json(), locked)

    const pending = await service.loginAndReadCode()
    t.match((await service.verify(pending.challengeToken, differentCode(pending.code))).json(), {
      attemptsRemaining: 4
    })
    t.equal((await service.verify(pending.challengeToken, pending.code)).statusCode, 200)
    t.match((await confirm(accessToken)).json(), locked, 'a login does not end the lockout')

    wait(899)
    t.match((await confirm(accessToken)).json(), { ...locked, retryAfter: 1 })
    await users.unlock({ username: ada.username })
    t.equal((await confirm(accessToken)).statusCode, 201)
  })

  t.test('wrong login codes lock logins and never confirmations', async t => {
    const { loginAndReadCode, login, logIn, confirm, verify, verifyConfirmation, twilio } =
      await startApp(t, {
        limits: { codeFailures: 5 }
      })
    const { accessToken } = await logIn()
    const pending = await loginAndReadCode()
    for (let i = 0; i < 5; i++) await verify(pending.challengeToken, differentCode(pending.code))
    t.match((await login()).json(), { status: 429, reason: 'codes' })
    const { confirmationToken } = (await confirm(accessToken)).json()
    t.equal(
      (await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())).statusCode,
      200
    )
    t.match(
      (await login()).json(),
      { status: 429, reason: 'codes' },
      'a receipt does not end the lockout'
    )
  })

  t.test('a hundred consecutive wrong codes disable confirmations', async t => {
    const service = await startApp(t, { limits: { codeFailures: 5 } })
    const { confirm, verifyConfirmation, twilio, wait, prisma } = service
    await prisma.user.updateMany({ data: { confirmationFailures: 99 } })
    const { accessToken } = await service.logIn()
    const { confirmationToken } = (await confirm(accessToken)).json()
    await verifyConfirmation(accessToken, confirmationToken, differentCode(twilio.lastCode()))
    wait(60)
    t.match((await confirm(accessToken)).json(), { status: 429, reason: 'codes-off' })
    t.equal((await service.login()).statusCode, 200)
  })

  for (const [limits, most, rest] of [
    [{ messagesPerPhoneHour: 6 }, 3, 2],
    [{ messagesPerPhoneDay: 20 }, 10, 9],
    [{ messagesPerPhoneHour: 7 }, 3, 3]
  ] as const) {
    t.test(`an access token alone may use half of ${JSON.stringify(limits)}`, async t => {
      const { logIn, confirm, login, wait, twilio } = await startApp(t, {
        limits,
        policy: { resendCooldown: 0 }
      })
      const { accessToken } = await logIn()
      const responses = []
      for (let n = 0; n < 30; n++)
        responses.push(slugOf(await confirm(accessToken, { ...transfer, reference: `order-${n}` })))
      t.same(responses, [
        ...Array.from({ length: most }, () => undefined),
        ...Array.from({ length: 30 - most }, () => 'too-many-texts')
      ])
      for (let n = 0; n < rest; n++) t.equal((await login()).json().sent, true)
      t.equal(slugOf(await login()), 'too-many-texts', 'the limit is shared')
      t.equal(twilio.messages.length, 1 + most + rest)
      wait(86_400)
      t.equal((await login()).statusCode, 200)
    })
  }

  t.test('messages of both kinds count toward the limit of the number', async t => {
    const { logIn, confirm, login, twilio } = await startApp(t, {
      limits: { messagesPerPhoneHour: 2 }
    })
    const { accessToken } = await logIn()
    t.equal((await confirm(accessToken)).statusCode, 201)
    t.equal(
      slugOf(await confirm(accessToken, { ...transfer, reference: 'another' })),
      'too-many-texts'
    )
    t.equal(slugOf(await login()), 'too-many-texts')
    t.equal(twilio.messages.length, 2)
  })

  t.test('the default limits allow three logins an hour, each with a confirmation', async t => {
    const { logIn, confirm, wait } = await startApp(t, { limits: defaultLimits })
    for (let i = 0; i < 3; i++) {
      const { accessToken } = await logIn()
      t.equal((await confirm(accessToken, { ...transfer, reference: String(i) })).statusCode, 201)
      wait(60)
    }
    t.same([...readConfig({}).policy.confirmationTemplates.keys()], ['transfer'])
  })
})

t.test('authorization', async t => {
  t.test('a confirmation requires a recent login, which a refresh does not renew', async t => {
    const { logIn, confirm, refresh, wait } = await startApp(t)
    const { accessToken, refreshToken } = await logIn()
    wait(899)
    t.equal((await confirm(accessToken)).statusCode, 201)
    const renewed = (await refresh(refreshToken)).json().accessToken
    wait(1)
    const response = await confirm(renewed)
    t.equal(response.statusCode, 401)
    t.equal(slugOf(response), 'reauthentication-required')
    t.equal(response.json().maxAge, 900)
    t.equal(
      response.headers['www-authenticate'],
      'Bearer realm="sms-login", error="insufficient_user_authentication", ' +
        'error_description="A more recent login is required", max_age="900"'
    )
    t.equal((await confirm((await logIn()).accessToken)).statusCode, 201)
  })

  t.test('a login with the password alone confirms nothing', async t => {
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    const { logIn, confirm, me, twilio } = await startApp(t, { signingKeys: [key] })
    const { accessToken } = await logIn()
    const { alg = '', ...header } = decodeProtectedHeader(accessToken)
    for (const amr of [['pwd'], ['pwd', 'sms'], []]) {
      const weaker = await new SignJWT({ ...decodeJwt(accessToken), amr })
        .setProtectedHeader({ alg, ...header })
        .sign(key)
      t.equal((await me(weaker)).statusCode, 200)
      const response = await confirm(weaker)
      t.equal(slugOf(response), 'reauthentication-required', amr.join())
      t.match(response.headers['www-authenticate'], /error="insufficient_user_authentication"/)
    }
    t.equal(twilio.messages.length, 1)
  })

  t.test('an invalid access token or an ended session confirms nothing', async t => {
    const { app, logIn, logout, confirm, resendConfirmation, verifyConfirmation, twilio } =
      await startApp(t)
    const { accessToken, refreshToken } = await logIn()
    const { confirmationToken } = (await confirm(accessToken)).json()
    await logout(refreshToken)
    const sentBefore = twilio.messages.length
    for (const token of ['nonsense', confirmationToken, accessToken]) {
      t.equal(slugOf(await confirm(token)), 'invalid-token')
      t.equal(slugOf(await resendConfirmation(token, confirmationToken)), 'invalid-token')
      t.equal(
        slugOf(await verifyConfirmation(token, confirmationToken, twilio.lastCode())),
        'invalid-token'
      )
    }
    t.equal(
      (await app.inject({ method: 'POST', url: '/confirmations', payload: transfer })).headers[
        'www-authenticate'
      ],
      'Bearer realm="sms-login"'
    )
    t.equal(twilio.messages.length, sentBefore)
  })

  t.test('a user without a phone number gets sms-undeliverable', async t => {
    const { logIn, confirm, prisma } = await startApp(t)
    const { accessToken } = await logIn()
    await prisma.user.updateMany({ data: { phone: null } })
    t.equal(slugOf(await confirm(accessToken)), 'sms-undeliverable')
  })

  t.test('a disabled user cannot confirm', async t => {
    const { logIn, confirm, prisma } = await startApp(t)
    const { accessToken } = await logIn()
    await prisma.user.updateMany({ data: { disabled: true } })
    t.equal(slugOf(await confirm(accessToken)), 'invalid-token')
  })
})

t.test('values', async t => {
  t.test('an action without a template is unknown', async t => {
    const { logIn, confirm, twilio } = await startApp(t)
    const { accessToken } = await logIn()
    const sentBefore = twilio.messages.length
    t.equal(
      slugOf(await confirm(accessToken, { ...transfer, action: 'withdraw' })),
      'unknown-action'
    )
    t.equal(
      slugOf(await confirm(accessToken, { ...transfer, action: '__proto__' })),
      'unknown-action'
    )
    t.equal(twilio.messages.length, sentBefore)
  })

  t.test('every invalid value is named in the errors and no message is sent', async t => {
    const { logIn, confirm, twilio } = await startApp(t)
    const { accessToken } = await logIn()
    const sentBefore = twilio.messages.length
    const { amount: _amount, ...without } = transfer.data
    const cases: [object, object[]][] = [
      [{ data: without }, [{ pointer: '#/data/amount', detail: 'is required' }]],
      [
        { data: { ...transfer.data, iban: 'x', 'a/b': 'y' } },
        [
          { pointer: '#/data/iban', detail: 'is not a placeholder of this action' },
          { pointer: '#/data/a~1b' }
        ]
      ],
      [
        { data: { ...transfer.data, amount: '', payee: 'x'.repeat(65) } },
        [
          { pointer: '#/data/amount', detail: 'must have 1 to 64 characters' },
          { pointer: '#/data/payee', detail: 'must have 1 to 64 characters' }
        ]
      ],
      [
        { data: { ...transfer.data, amount: null } },
        [{ pointer: '#/data/amount', detail: 'must be a string or a number' }]
      ],
      [{ data: [] }, [{ pointer: '#/data', detail: 'must be an object' }]],
      [{ data: undefined }, [{ pointer: '#/data', detail: 'is required' }]],
      [{ reference: null }, [{ pointer: '#/reference', detail: 'must be a string' }]],
      [
        {
          data: {
            amount: 'ł'.repeat(60),
            currency: 'x'.repeat(60),
            payee: 'y'.repeat(60)
          }
        },
        [{ pointer: '#/data', detail: /^is too long for a message of 2 segments; / }]
      ],
      [{ reference: 'two words' }, [{ pointer: '#/reference' }]],
      [
        { phone: '+12025550199' },
        [{ pointer: '#/phone', detail: 'is not a field of this request' }]
      ]
    ]
    for (const [change, errors] of cases) {
      const response = await confirm(accessToken, { ...transfer, ...change })
      t.equal(slugOf(response), 'invalid-request')
      t.match(response.json().errors, errors, JSON.stringify(change))
      t.equal(response.json().errors.length, errors.length)
    }
    t.equal(twilio.messages.length, sentBefore)
  })

  t.test('an overlong key is shortened in the error', async t => {
    const { logIn, confirm } = await startApp(t)
    const { accessToken } = await logIn()
    const response = await confirm(accessToken, { ...transfer, data: { ['x'.repeat(10_000)]: {} } })
    t.equal(slugOf(response), 'invalid-request')
    t.ok(response.body.length < 1000)
  })

  t.test('names in any script are confirmed as written', async t => {
    const { logIn, confirm, verifyConfirmation, twilio } = await startApp(t)
    const { accessToken } = await logIn()
    for (const payee of [
      'María García',
      'João Gonçalves',
      'Łukasz Żak',
      'Ayşe Yılmaz',
      'O’Neil',
      '山田太郎',
      '李雷',
      'محمد علي',
      'राम'
    ]) {
      const data = { ...transfer.data, payee }
      const { confirmationToken, text } = (await confirm(accessToken, { ...transfer, data })).json()
      t.equal(text, `Send 250.00 EUR to ${payee}`)
      const { body } = twilio.messages.at(-1) ?? { body: '' }
      t.equal(body.split('\n')[1], text)
      t.ok(new SegmentedMessage(body).segmentsCount <= 2, body)
      const { receipt } = (
        await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())
      ).json()
      t.strictSame(decodeJwt(receipt)['data'], data)
      t.equal(
        decodeJwt(receipt)['text_hash'],
        createHash('sha256').update(text).digest('base64url')
      )
    }
  })

  t.test('a confirmation takes at most CONFIRMATION_SEGMENTS segments', async t => {
    for (const most of [1, 3]) {
      const { messages } = readConfig({ CONFIRMATION_SEGMENTS: String(most) }).policy
      const { logIn, confirm, twilio } = await startApp(t, { policy: { messages } })
      const { accessToken } = await logIn()
      const confirmed = async (data: object) => {
        const response = await confirm(accessToken, {
          ...transfer,
          data: { ...transfer.data, ...data }
        })
        return response.statusCode === 201
          ? new SegmentedMessage(twilio.messages.at(-1)?.body ?? '').segmentsCount
          : slugOf(response)
      }
      t.equal(await confirmed({}), 1)
      t.equal(await confirmed({ payee: 'Łukasz Żak' }), most === 1 ? 'invalid-request' : 2)
      t.equal(
        await confirmed({ payee: 'Ł'.repeat(60), currency: 'x'.repeat(20) }),
        most === 1 ? 'invalid-request' : 3
      )
    }
  })

  t.test('a number that loses digits when parsed is refused and its field is named', async t => {
    const { app, logIn, twilio } = await startApp(t)
    const { accessToken } = await logIn()
    const confirmed = (data: string) =>
      app.inject({
        method: 'POST',
        url: '/confirmations',
        headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
        payload: `{"action":"transfer","data":${data}}`
      })
    for (const amount of [
      '4.99999999999999999',
      '1e400',
      '-1e400',
      '1e-400',
      '0.1000000000000000055511151231257827',
      '9007199254740993',
      '12345678901234567890',
      '0.30000000000000001'
    ]) {
      const response = await confirmed(
        `{"payee":"\\"x\\":1","currency":"EUR","amount": ${amount} }`
      )
      t.equal(slugOf(response), 'invalid-request', amount)
      t.match(response.json().errors, [{ pointer: '#/data/amount', detail: /round/ }], amount)
    }
    t.match((await confirmed('{"amo\\u0075nt":[{"x":1e400}]}')).json().errors, [
      { pointer: '#/data/amount/0/x' }
    ])
    t.equal(twilio.messages.length, 1)
    for (const [amount, shown] of [
      ['250.00', '250'],
      ['2.5e2', '250'],
      ['0.1', '0.1'],
      ['-12.50', '-12.5'],
      ['1E3', '1000']
    ] as const)
      t.match(
        (await confirmed(`{"amount":${amount},"currency":"EUR","payee":"x"}`)).json(),
        { text: `Send ${shown} EUR to x` },
        amount
      )
  })

  t.test('a value that looks like a code, a phone number or a link is refused', async t => {
    const { logIn, confirm, twilio } = await startApp(t)
    const { accessToken } = await logIn()
    for (const payee of [
      'code 48 39 20',
      'your code is 4839201',
      'call +18005550199',
      'كود ٤٨٣٩٢٠',
      'evil。example'
    ]) {
      const response = await confirm(accessToken, {
        ...transfer,
        data: { ...transfer.data, payee }
      })
      t.equal(slugOf(response), 'invalid-request', payee)
      t.match(response.json().errors, [
        { pointer: '#/data/payee', detail: /must not look like a / }
      ])
    }
    t.equal(twilio.messages.length, 1)
    for (const payee of ['Grace Hopper', 'order-1815', 'DE89 3704 0044 0532 0130 00', '250.00'])
      t.equal(
        (await confirm(accessToken, { ...transfer, data: { ...transfer.data, payee } })).statusCode,
        201,
        payee
      )
  })
})

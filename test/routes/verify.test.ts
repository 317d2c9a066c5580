import type { LightMyRequestResponse } from 'fastify'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { codeIn, differentCode, slugOf, startApp } from '../support/start-app.ts'

t.test('tokens', async t => {
  t.test(
    'a correct code returns an access token as RFC 9068 defines it, and a refresh token',
    async t => {
      const { loginAndReadCode, verify, prisma, clock, wait } = await startApp(t)
      const { challengeToken, code } = await loginAndReadCode()
      wait(20)
      const response = await verify(challengeToken, code)
      t.equal(response.statusCode, 200)
      t.equal(response.headers['cache-control'], 'no-store')
      const { accessToken, refreshToken, ...rest } = response.json()
      t.strictSame(rest, { tokenType: 'Bearer', expiresIn: 900, refreshExpiresIn: 3600 })
      t.match(refreshToken, /^[A-Za-z0-9_-]{64}$/)

      const { kid, ...header } = decodeProtectedHeader(accessToken)
      t.strictSame(header, { alg: 'ES256', typ: 'at+jwt' })
      t.match(kid, /^[\w-]{43}$/)
      const { jti, sid, ...claims } = decodeJwt(accessToken)
      const { id } = await prisma.user.findFirstOrThrow()
      const now = Math.floor(clock().getTime() / 1000)
      t.strictSame(claims, {
        iss: 'https://login.example',
        aud: 'https://api.example',
        sub: id,
        client_id: 'sms-login',
        iat: now,
        exp: now + 900,
        auth_time: now,
        amr: ['pwd', 'sms', 'mfa']
      })
      for (const random of [jti, sid]) t.match(random, /^[\w-]{22}$/, 'holds 128 bits')
    }
  )

  t.test('an access token lives as long as the operator configured', async t => {
    const { accessToken } = await startApp(t, { accessTokenTtl: 60 })
    const { iat = 0, exp = 0 } = decodeJwt(await accessToken())
    t.equal(exp - iat, 60)
  })

  t.test('only a completed login changes when the user last logged in', async t => {
    const { accessToken, app, clock, confirm, logIn, login, refresh, twilio, users, verify, wait } =
      await startApp(t)
    const lastLogin = async () => (await users.find({ username: 'ada' }))?.lastLoginAt
    t.equal(await lastLogin(), null)
    const { refreshToken } = await logIn()
    const first = clock()
    t.same(await lastLogin(), first)

    wait(60)
    const token = (await refresh(refreshToken)).json().accessToken
    const { confirmationToken } = (await confirm(token)).json()
    const confirmed = await app.inject({
      method: 'POST',
      url: '/confirmations/verify',
      headers: { authorization: `Bearer ${token}` },
      payload: { confirmationToken, code: codeIn(twilio.messages.at(-1)?.body) }
    })
    t.equal(confirmed.statusCode, 200)
    const { challengeToken } = (await login()).json()
    const code = codeIn(twilio.messages.at(-1)?.body)
    await verify(challengeToken, differentCode(code))
    t.same(await lastLogin(), first, 'not by a refresh, confirmation, password or wrong code')
    t.equal((await verify(challengeToken, code)).statusCode, 200)
    t.same(await lastLogin(), clock())
    wait(60)
    await accessToken()
    t.same(await lastLogin(), clock())
  })

  t.test('no two access tokens share a jti or a session', async t => {
    const { accessToken } = await startApp(t)
    const tokens = []
    for (let i = 0; i < 20; i++) tokens.push(decodeJwt(await accessToken()))
    t.equal(new Set(tokens.flatMap(({ jti, sid }) => [jti, sid])).size, 40)
  })
})

t.test('attempts', async t => {
  t.test(
    'each wrong code uses an attempt, and after the last one the correct code fails',
    async t => {
      const { loginAndReadCode, verify } = await startApp(t)
      const { challengeToken, code } = await loginAndReadCode()
      for (const attemptsRemaining of [4, 3, 2, 1, 0]) {
        const response = await verify(challengeToken, differentCode(code))
        t.equal(slugOf(response), 'wrong-code')
        t.equal(response.statusCode, 401)
        t.equal(response.json().attemptsRemaining, attemptsRemaining)
      }
      t.equal(slugOf(await verify(challengeToken, differentCode(code))), 'challenge-ended')
      t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
    }
  )

  t.test('the correct code works at the last attempt', async t => {
    const { loginAndReadCode, verify } = await startApp(t)
    const { challengeToken, code } = await loginAndReadCode()
    for (let i = 0; i < 4; i++) await verify(challengeToken, differentCode(code))
    t.equal((await verify(challengeToken, code)).statusCode, 200)
  })

  t.test('a login after a challenge without attempts sends a new message at once', async t => {
    const { loginAndReadCode, verify, login } = await startApp(t)
    const { challengeToken, code } = await loginAndReadCode()
    for (let i = 0; i < 5; i++) await verify(challengeToken, differentCode(code))
    t.equal((await login()).json().sent, true)
  })

  t.test('a malformed code is a bad request and uses no attempt', async t => {
    const { loginAndReadCode, post, verify } = await startApp(t)
    const { challengeToken, code } = await loginAndReadCode()
    const malformed = [
      Number(code),
      [code],
      { code },
      null,
      true,
      undefined,
      '',
      '12345',
      '1234567',
      ` ${code}`,
      `${code} `,
      `${code}\n`,
      `${code.slice(0, 5)} `,
      `+${code.slice(1)}`,
      '12345a',
      '1e5000',
      '0x1234',
      '1234.5',
      '٠١٢٣٤٥',
      '０１２３４５',
      '१२३४५६',
      `${code}\u0000`,
      '12\n345'
    ]
    for (const value of malformed) {
      const response = await post('/verify', { challengeToken, code: value })
      t.equal(response.statusCode, 400, JSON.stringify(value))
      t.equal(slugOf(response), 'invalid-request')
      t.equal(response.json().errors[0].pointer, '#/code')
    }
    t.equal((await verify(challengeToken, differentCode(code))).json().attemptsRemaining, 4)
  })

  t.test('codes have the configured length', async t => {
    const { login, verify, twilio } = await startApp(t, { codeLength: 8 })
    const { challengeToken, codeLength } = (await login()).json()
    t.equal(codeLength, 8)
    const code = codeIn(twilio.messages[0]?.body)
    t.match(code, /^\d{8}$/)
    t.equal(slugOf(await verify(challengeToken, code.slice(2))), 'invalid-request')
    t.equal((await verify(challengeToken, code)).statusCode, 200)
  })
})

t.test('expiry', async t => {
  t.test('a code works one second before it expires', async t => {
    const { loginAndReadCode, verify, wait } = await startApp(t)
    const { challengeToken, code } = await loginAndReadCode()
    wait(59)
    t.equal((await verify(challengeToken, code)).statusCode, 200)
  })

  for (const seconds of [60, 61, 599]) {
    t.test(`after ${seconds} seconds any code is expired and uses no attempt`, async t => {
      const { loginAndReadCode, verify, resend, twilio, wait } = await startApp(t)
      const { challengeToken, code } = await loginAndReadCode()
      wait(seconds)
      for (let i = 0; i < 6; i++) {
        const response = await verify(challengeToken, i % 2 === 0 ? code : differentCode(code))
        t.equal(slugOf(response), 'code-expired')
        t.equal(response.statusCode, 401)
        t.notOk('attemptsRemaining' in response.json(), 'no hint about the digits')
      }
      await resend(challengeToken)
      t.equal(
        (await verify(challengeToken, differentCode(twilio.lastCode()))).json().attemptsRemaining,
        4
      )
    })
  }

  for (const policy of [
    { codeTtl: 60, challengeTtl: 600 },
    { codeTtl: 600, challengeTtl: 600 }
  ]) {
    t.test(
      `a challenge ends after ${policy.challengeTtl} s if codes live ${policy.codeTtl} s`,
      async t => {
        const { loginAndReadCode, verify, resend, wait } = await startApp(t, { policy })
        const { challengeToken, code } = await loginAndReadCode()
        wait(policy.challengeTtl - 1)
        t.equal(
          slugOf(await verify(challengeToken, differentCode(code))),
          policy.codeTtl === 600 ? 'wrong-code' : 'code-expired'
        )
        wait(1)
        t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
        t.equal(slugOf(await resend(challengeToken)), 'challenge-ended')
      }
    )
  }

  t.test('used, exhausted, expired and replaced challenges differ only in `detail`', async t => {
    const { loginAndReadCode, verify, wait, prisma } = await startApp(t)
    const responses = []
    const used = await loginAndReadCode()
    await verify(used.challengeToken, used.code)
    responses.push(await verify(used.challengeToken, used.code))
    const exhausted = await loginAndReadCode()
    for (let i = 0; i < 5; i++)
      await verify(exhausted.challengeToken, differentCode(exhausted.code))
    responses.push(await verify(exhausted.challengeToken, exhausted.code))
    const expired = await loginAndReadCode()
    wait(600)
    responses.push(
      await verify(expired.challengeToken, expired.code),
      await verify('malformed', '123456')
    )
    const replaced = await loginAndReadCode()
    await prisma.challenge.deleteMany()
    responses.push(await verify(replaced.challengeToken, replaced.code))

    const [first, ...others] = responses.map(withoutDetail)
    t.match(first, { status: 401, body: { type: /challenge-ended$/ } })
    t.equal(others.length, 4)
    for (const other of others) t.strictSame(other, first)
    t.equal(new Set(responses.map(response => response.json().detail)).size, 5)
  })

  t.test('forged challenge tokens of every kind get the same response', async t => {
    const { loginAndReadCode, verify } = await startApp(t)
    const { challengeToken, code } = await loginAndReadCode()
    const [header = '', claims = '', signature = ''] = challengeToken.split('.')
    const changed = (part: string, change: object) =>
      Buffer.from(
        JSON.stringify({ ...JSON.parse(Buffer.from(part, 'base64url').toString()), ...change })
      ).toString('base64url')
    const responses = []
    for (const token of [
      `${header}.${claims}.${signature.slice(0, -4)}AAAA`,
      `${header}.${changed(claims, { exp: 1 })}.${signature}`,
      `${header}.${changed(claims, { sub: 'x'.repeat(22) })}.${signature}`,
      `${changed(header, { kid: 'unknown' })}.${claims}.${signature}`,
      `${changed(header, { alg: 'none' })}.${claims}.`
    ])
      responses.push(await verify(token, code))
    const [first, ...others] = responses.map(response => [
      withoutDetail(response),
      response.json().detail
    ])
    t.match(first, [{ status: 401, body: { type: /challenge-ended$/ } }])
    for (const other of others) t.strictSame(other, first)
  })
})

t.test('changes to the user', async t => {
  t.test('a user disabled between the two steps cannot log in', async t => {
    const { loginAndReadCode, verify, users } = await startApp(t)
    const { challengeToken, code } = await loginAndReadCode()
    await users.change({ username: 'ada' }, { disabled: true }, new Date())
    t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
    await users.change({ username: 'ada' }, { disabled: false }, new Date())
    t.equal(
      slugOf(await verify(challengeToken, code)),
      'challenge-ended',
      'not even when they are enabled again'
    )
  })

  t.test('a user disabled directly in the database cannot log in', async t => {
    const { loginAndReadCode, verify, prisma } = await startApp(t)
    const { challengeToken, code } = await loginAndReadCode()
    await prisma.user.updateMany({ data: { disabled: true } })
    t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
  })

  for (const change of [{ passwordDigest: 'another' }, { phone: '+12025550199' }]) {
    t.test(`a new ${Object.keys(change)} ends the pending login`, async t => {
      const { loginAndReadCode, verify, users } = await startApp(t)
      const { challengeToken, code } = await loginAndReadCode()
      await users.change({ username: 'ada' }, change, new Date())
      t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
    })
  }

  t.test('deleting a user ends their challenge', async t => {
    const { loginAndReadCode, verify, prisma } = await startApp(t)
    const { challengeToken, code } = await loginAndReadCode()
    await prisma.user.deleteMany()
    t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
  })
})

/** A response without what differs from request to request, and without `detail`. */
function withoutDetail(response: LightMyRequestResponse) {
  const { date, 'x-request-id': _id, 'content-length': _length, ...headers } = response.headers
  const { instance: _instance, detail: _detail, ...body } = response.json()
  return { status: response.statusCode, headers, body }
}

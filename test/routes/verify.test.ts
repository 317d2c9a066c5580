import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { codeIn, otherThan, slugOf, start } from '../support/start.ts'

t.test('a right code is traded for an access token as RFC 9068 has it, and a refresh token', async t => {
  const { challenge, verify, prisma, clock, wait } = await start(t)
  const { challengeToken, code } = await challenge()
  wait(20)
  const answer = await verify(challengeToken, code)
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['cache-control'], 'no-store')
  const { accessToken, refreshToken, ...rest } = answer.json()
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
})

t.test('an access token lives as long as the operator says', async t => {
  const { accessToken } = await start(t, { accessTokenTtl: 60 })
  const { iat = 0, exp = 0 } = decodeJwt(await accessToken())
  t.equal(exp - iat, 60)
})

t.test('no two access tokens share a jti or a session', async t => {
  const { accessToken } = await start(t)
  const tokens = []
  for (let i = 0; i < 20; i++) tokens.push(decodeJwt(await accessToken()))
  t.equal(new Set(tokens.flatMap(({ jti, sid }) => [jti, sid])).size, 40)
})

t.test('each wrong code costs an attempt, and after the last even the right one comes too late', async t => {
  const { challenge, verify } = await start(t)
  const { challengeToken, code } = await challenge()
  for (const attemptsRemaining of [4, 3, 2, 1, 0]) {
    const answer = await verify(challengeToken, otherThan(code))
    t.equal(slugOf(answer), 'wrong-code')
    t.equal(answer.statusCode, 401)
    t.equal(answer.json().attemptsRemaining, attemptsRemaining)
  }
  t.equal(slugOf(await verify(challengeToken, otherThan(code))), 'challenge-ended')
  t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
})

t.test('the right code at the last attempt is good', async t => {
  const { challenge, verify } = await start(t)
  const { challengeToken, code } = await challenge()
  for (let i = 0; i < 4; i++) await verify(challengeToken, otherThan(code))
  t.equal((await verify(challengeToken, code)).statusCode, 200)
})

t.test('a login after a challenge that is out of attempts sends a new text at once', async t => {
  const { challenge, verify, login } = await start(t)
  const { challengeToken, code } = await challenge()
  for (let i = 0; i < 5; i++) await verify(challengeToken, otherThan(code))
  t.equal((await login()).json().sent, true)
})

t.test('a code is good one second before its end', async t => {
  const { challenge, verify, wait } = await start(t)
  const { challengeToken, code } = await challenge()
  wait(59)
  t.equal((await verify(challengeToken, code)).statusCode, 200)
})

for (const seconds of [60, 61, 599]) {
  t.test(`after ${seconds} seconds the code has expired, whatever the digits, and no attempt is charged`, async t => {
    const { challenge, verify, resend, twilio, wait } = await start(t)
    const { challengeToken, code } = await challenge()
    wait(seconds)
    for (let i = 0; i < 6; i++) {
      const answer = await verify(challengeToken, i % 2 === 0 ? code : otherThan(code))
      t.equal(slugOf(answer), 'code-expired')
      t.equal(answer.statusCode, 401)
      t.notOk('attemptsRemaining' in answer.json(), 'which tells nothing about the digits')
    }
    await resend(challengeToken)
    t.equal((await verify(challengeToken, otherThan(twilio.lastCode()))).json().attemptsRemaining, 4)
  })
}

for (const policy of [{ codeTtl: 60, challengeTtl: 600 }, { codeTtl: 600, challengeTtl: 600 }]) {
  t.test(`a challenge has ended after ${policy.challengeTtl} seconds, with codes that live ${policy.codeTtl}`, async t => {
    const { challenge, verify, resend, wait } = await start(t, { policy })
    const { challengeToken, code } = await challenge()
    wait(policy.challengeTtl - 1)
    t.equal(slugOf(await verify(challengeToken, otherThan(code))), policy.codeTtl === 600 ? 'wrong-code' : 'code-expired')
    wait(1)
    t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
    t.equal(slugOf(await resend(challengeToken)), 'challenge-ended')
  })
}

t.test('what is not a string of six ASCII digits is a bad request and costs no attempt', async t => {
  const { challenge, post, verify } = await start(t)
  const { challengeToken, code } = await challenge()
  const malformed = [
    Number(code), [code], { code }, null, true, undefined, '', '12345', '1234567', ` ${code}`, `${code} `, `${code}\n`, `${code.slice(0, 5)} `,
    `+${code.slice(1)}`, '12345a', '1e5000', '0x1234', '1234.5', '٠١٢٣٤٥', '０１２３４５', '१२३४५६', `${code}\u0000`, '12\n345'
  ]
  for (const bad of malformed) {
    const answer = await post('/verify', { challengeToken, code: bad })
    t.equal(answer.statusCode, 400, JSON.stringify(bad))
    t.equal(slugOf(answer), 'invalid-request')
    t.equal(answer.json().errors[0].pointer, '#/code')
  }
  t.equal((await verify(challengeToken, otherThan(code))).json().attemptsRemaining, 4)
})

t.test('codes are as long as the operator says', async t => {
  const { login, verify, twilio } = await start(t, { codeLength: 8 })
  const { challengeToken, codeLength } = (await login()).json()
  t.equal(codeLength, 8)
  const code = codeIn(twilio.texts[0]?.body)
  t.match(code, /^\d{8}$/)
  t.equal(slugOf(await verify(challengeToken, code.slice(2))), 'invalid-request')
  t.equal((await verify(challengeToken, code)).statusCode, 200)
})

t.test('a person disabled between the two steps is not let in', async t => {
  const { challenge, verify, users } = await start(t)
  const { challengeToken, code } = await challenge()
  await users.change('ada', { disabled: true })
  t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
  await users.change('ada', { disabled: false })
  t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended', 'not even when they are enabled again')
})

t.test('a person whose row alone says that they are disabled is not let in', async t => {
  const { challenge, verify, prisma } = await start(t)
  const { challengeToken, code } = await challenge()
  await prisma.user.updateMany({ data: { disabled: true } })
  t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
})

for (const change of [{ passwordDigest: 'another' }, { phone: '+12025550199' }]) {
  t.test(`a new ${Object.keys(change)} ends the login that is pending`, async t => {
    const { challenge, verify, users } = await start(t)
    const { challengeToken, code } = await challenge()
    await users.change('ada', change)
    t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
  })
}

t.test('a challenge whose person is gone has ended', async t => {
  const { challenge, verify, prisma } = await start(t)
  const { challengeToken, code } = await challenge()
  await prisma.user.deleteMany()
  t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
})

t.test('used, spent, past and unknown challenges are answered alike', async t => {
  const { challenge, verify, wait, prisma } = await start(t)
  const answers = []
  const used = await challenge()
  await verify(used.challengeToken, used.code)
  answers.push(await verify(used.challengeToken, used.code))
  const spent = await challenge()
  for (let i = 0; i < 5; i++) await verify(spent.challengeToken, otherThan(spent.code))
  answers.push(await verify(spent.challengeToken, spent.code))
  const past = await challenge()
  wait(600)
  answers.push(await verify(past.challengeToken, past.code), await verify('forged', '123456'))
  const unknown = await challenge()
  await prisma.challenge.deleteMany()
  answers.push(await verify(unknown.challengeToken, unknown.code))

  const [first, ...others] = answers.map(answer => {
    const { date, ...headers } = answer.headers
    return { status: answer.statusCode, headers, body: answer.body.replace(answer.json().instance, '') }
  })
  t.match(first, { status: 401, body: /challenge-ended/ })
  t.equal(others.length, 4)
  for (const other of others) t.strictSame(other, first)
})

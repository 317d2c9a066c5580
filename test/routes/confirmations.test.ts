import { createHash, generateKeyPairSync } from 'node:crypto'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose'
import t from 'tap'
import { readConfig } from '../../src/config.ts'
import { ada, codeIn, defaultLimits, otherThan, slugOf, start, transfer } from '../support/start.ts'

const sentence = 'Send 250.00 EUR to Grace Hopper'

t.test('what the person reads is what gets signed', async t => {
  const { app, logIn, confirm, verifyConfirmation, twilio, clock } = await start(t)
  const { accessToken } = await logIn()
  const answer = await confirm(accessToken)
  t.equal(answer.statusCode, 201)
  const { confirmationToken, ...pending } = answer.json()
  t.strictSame(pending, {
    text: sentence, expiresIn: 600, destination: '+1•••••••43', codeLength: 6, codeExpiresIn: 60, resendIn: 30, sent: true, replaced: false
  })
  const code = twilio.lastCode()
  t.equal(twilio.texts.at(-1)?.body, `${code} confirms this with sms-login:\n${sentence}\nGood for 1 minute. Never share it.`)

  const receipt = (await verifyConfirmation(accessToken, confirmationToken, code)).json()
  t.match(receipt, { receipt: String, expiresIn: 300 })
  const { payload, protectedHeader } = await jwtVerify(receipt.receipt, createLocalJWKSet((await app.inject('/.well-known/jwks.json')).json()), {
    issuer: 'https://login.example', audience: 'https://api.example', typ: 'receipt+jwt', algorithms: ['ES256'], currentDate: clock()
  })
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

t.test('a right code is good once', async t => {
  const { logIn, confirm, verifyConfirmation, twilio } = await start(t)
  const { accessToken } = await logIn()
  const { confirmationToken } = (await confirm(accessToken)).json()
  t.equal((await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())).statusCode, 200)
  t.equal(slugOf(await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())), 'challenge-ended')
  t.match((await confirm(accessToken)).json(), { sent: true, replaced: false }, 'and what is over is not replaced')
})

t.test('the same action again, while its text is fresh, sends no second one; any difference replaces it and says so', async t => {
  const { logIn, confirm, verifyConfirmation, twilio } = await start(t)
  const { accessToken } = await logIn()
  const first = (await confirm(accessToken)).json()
  const code = twilio.lastCode()
  const again = (await confirm(accessToken)).json()
  t.match(again, { sent: false, replaced: false, text: sentence })
  t.equal(twilio.texts.length, 2, 'the login\'s and this one')
  for (const change of [{ data: { ...transfer.data, amount: '250.01' } }, { reference: 'order-1816' }, { reference: undefined }]) {
    t.match((await confirm(accessToken, { ...transfer, ...change })).json(), { sent: true, replaced: true }, JSON.stringify(change))
  }
  t.equal(twilio.texts.length, 5)
  for (const { confirmationToken } of [first, again]) t.equal(slugOf(await verifyConfirmation(accessToken, confirmationToken, code)), 'challenge-ended')
})

t.test('a login and a confirmation keep separate times, and neither is in the other\'s way', async t => {
  const { login, logIn, confirm, verify, verifyConfirmation, twilio } = await start(t)
  const { accessToken } = await logIn()
  const { confirmationToken } = (await confirm(accessToken)).json()
  const confirmCode = twilio.lastCode()
  t.equal((await login()).json().sent, true, 'a confirmation\'s text starts no cooldown of logins')
  const loginCode = twilio.lastCode()
  t.match(twilio.texts.at(-1)?.body, / login code/)
  t.equal((await verifyConfirmation(accessToken, confirmationToken, confirmCode)).statusCode, 200)
  t.equal((await confirm(accessToken)).json().sent, true, 'nor a login\'s one of confirmations')
  const { challengeToken } = (await login()).json()
  t.equal((await verify(challengeToken, loginCode)).statusCode, 200)
})

t.test('a resend texts the same action with a new code; the old one is dead, the attempts stay', async t => {
  const { logIn, confirm, resendConfirmation, verifyConfirmation, twilio, wait } = await start(t)
  const { accessToken } = await logIn()
  const { confirmationToken } = (await confirm(accessToken)).json()
  const old = twilio.lastCode()
  t.equal((await verifyConfirmation(accessToken, confirmationToken, otherThan(old))).json().attemptsRemaining, 4)
  const early = await resendConfirmation(accessToken, confirmationToken)
  t.equal(slugOf(early), 'resend-too-soon')
  t.equal(early.headers['retry-after'], '30')
  wait(30)
  const answer = await resendConfirmation(accessToken, confirmationToken)
  t.equal(answer.statusCode, 200)
  t.match(answer.json(), { confirmationToken: String, text: sentence, expiresIn: 570, sent: true, replaced: false })
  t.match(twilio.texts.at(-1)?.body, sentence)
  t.equal((await verifyConfirmation(accessToken, answer.json().confirmationToken, old)).json().attemptsRemaining, 3)
  t.equal((await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())).statusCode, 200)
})

t.test('an expired code, too many wrong ones and an ended confirmation are answered as at a login', async t => {
  const { logIn, confirm, verifyConfirmation, twilio, wait } = await start(t)
  const { accessToken } = await logIn()
  const expired = (await confirm(accessToken)).json().confirmationToken
  wait(60)
  t.equal(slugOf(await verifyConfirmation(accessToken, expired, twilio.lastCode())), 'code-expired')
  const { confirmationToken } = (await confirm(accessToken)).json()
  for (let left = 4; left >= 0; left--) t.match((await verifyConfirmation(accessToken, confirmationToken, otherThan(twilio.lastCode()))).json(), { attemptsRemaining: left, type: /wrong-code$/ })
  t.equal(slugOf(await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())), 'challenge-ended')
  const last = (await confirm(accessToken)).json().confirmationToken
  wait(600)
  t.equal(slugOf(await verifyConfirmation(accessToken, last, twilio.lastCode())), 'challenge-ended')
})

t.test('wrong codes of logins and confirmations count for one lock, which holds for both', async t => {
  const { challenge, login, logIn, confirm, verify, verifyConfirmation, twilio } = await start(t, { limits: { codeFailures: 5 } })
  const { accessToken } = await logIn()
  const { confirmationToken } = (await confirm(accessToken)).json()
  const code = twilio.lastCode()
  for (let i = 0; i < 3; i++) await verifyConfirmation(accessToken, confirmationToken, otherThan(code))
  const pending = await challenge()
  for (let i = 0; i < 2; i++) await verify(pending.challengeToken, otherThan(pending.code))
  t.match((await verifyConfirmation(accessToken, confirmationToken, code)).json(), { status: 429, reason: 'codes' })
  t.match((await confirm(accessToken)).json(), { status: 429, reason: 'codes' })
  t.match((await login()).json(), { status: 429, reason: 'codes' })
})

t.test('texts of both kinds count against the number\'s budget', async t => {
  const { logIn, confirm, login, twilio } = await start(t, { limits: { textsPerPhoneHour: 2 } })
  const { accessToken } = await logIn()
  t.equal((await confirm(accessToken)).statusCode, 201)
  t.equal(slugOf(await confirm(accessToken, { ...transfer, reference: 'another' })), 'too-many-texts')
  t.equal(slugOf(await login()), 'too-many-texts')
  t.equal(twilio.texts.length, 2)
})

t.test('a login that is too old is told to log in again, also after a refresh', async t => {
  const { logIn, confirm, refresh, wait } = await start(t)
  const { accessToken, refreshToken } = await logIn()
  wait(899)
  t.equal((await confirm(accessToken)).statusCode, 201)
  const renewed = (await refresh(refreshToken)).json().accessToken
  wait(1)
  const answer = await confirm(renewed)
  t.equal(answer.statusCode, 401)
  t.equal(slugOf(answer), 'reauthentication-required')
  t.equal(answer.json().maxAge, 900)
  t.equal(answer.headers['www-authenticate'], 'Bearer realm="sms-login", error="insufficient_user_authentication", error_description="A more recent login is required", max_age="900"')
  t.equal((await confirm((await logIn()).accessToken)).statusCode, 201)
})

t.test('a login with the password alone, if there ever is one, confirms nothing either', async t => {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const { logIn, confirm, me, twilio } = await start(t, { signingKeys: [key] })
  const { accessToken } = await logIn()
  const { alg = '', ...header } = decodeProtectedHeader(accessToken)
  for (const amr of [['pwd'], ['pwd', 'sms'], []]) {
    const weaker = await new SignJWT({ ...decodeJwt(accessToken), amr }).setProtectedHeader({ alg, ...header }).sign(key)
    t.equal((await me(weaker)).statusCode, 200)
    const answer = await confirm(weaker)
    t.equal(slugOf(answer), 'reauthentication-required', amr.join())
    t.match(answer.headers['www-authenticate'], /error="insufficient_user_authentication"/)
  }
  t.equal(twilio.texts.length, 1)
})

t.test('who has no good access token, or a session that is over, confirms nothing', async t => {
  const { app, logIn, logout, confirm, resendConfirmation, verifyConfirmation, twilio } = await start(t)
  const { accessToken, refreshToken } = await logIn()
  const { confirmationToken } = (await confirm(accessToken)).json()
  await logout(refreshToken)
  const texts = twilio.texts.length
  for (const token of ['nonsense', confirmationToken, accessToken]) {
    t.equal(slugOf(await confirm(token)), 'invalid-token')
    t.equal(slugOf(await resendConfirmation(token, confirmationToken)), 'invalid-token')
    t.equal(slugOf(await verifyConfirmation(token, confirmationToken, twilio.lastCode())), 'invalid-token')
  }
  t.equal((await app.inject({ method: 'POST', url: '/confirmations', payload: transfer })).headers['www-authenticate'], 'Bearer realm="sms-login"')
  t.equal(twilio.texts.length, texts)
})

t.test('an action without a sentence is unknown; what is wrong with its values is told one by one, and nothing is texted', async t => {
  const { logIn, confirm, twilio } = await start(t)
  const { accessToken } = await logIn()
  const texts = twilio.texts.length
  t.equal(slugOf(await confirm(accessToken, { ...transfer, action: 'withdraw' })), 'unknown-action')
  t.equal(slugOf(await confirm(accessToken, { ...transfer, action: '__proto__' })), 'unknown-action')
  const { amount: _amount, ...without } = transfer.data
  const cases: [object, object[]][] = [
    [{ data: without }, [{ pointer: '#/data/amount', detail: 'is required' }]],
    [{ data: { ...transfer.data, iban: 'x', 'a/b': 'y' } }, [{ pointer: '#/data/iban', detail: 'is not a placeholder of this action' }, { pointer: '#/data/a~1b' }]],
    [{ data: { ...transfer.data, amount: '', payee: 'x'.repeat(65) } }, [{ pointer: '#/data/amount', detail: 'must have 1 to 64 characters' }, { pointer: '#/data/payee', detail: 'must have 1 to 64 characters' }]],
    [{ data: { ...transfer.data, amount: null } }, [{ pointer: '#/data/amount', detail: 'must be a string or a number' }]],
    [{ data: [] }, [{ pointer: '#/data', detail: 'must be an object' }]],
    [{ data: undefined }, [{ pointer: '#/data', detail: 'is required' }]],
    [{ reference: null }, [{ pointer: '#/reference', detail: 'must be a string' }]],
    [{ data: { ...transfer.data, amount: 'x'.repeat(60), payee: 'y'.repeat(60) } }, [{ pointer: '#/data', detail: 'is too long for one text message' }]],
    [{ reference: 'two words' }, [{ pointer: '#/reference' }]],
    [{ phone: '+12025550199' }, [{ pointer: '#/phone', detail: 'is not a field of this request' }]]
  ]
  for (const [change, errors] of cases) {
    const answer = await confirm(accessToken, { ...transfer, ...change })
    t.equal(slugOf(answer), 'invalid-request')
    t.match(answer.json().errors, errors, JSON.stringify(change))
    t.equal(answer.json().errors.length, errors.length)
  }
  t.equal(twilio.texts.length, texts)
})

t.test('of a key that is too long to be one, no more is told than is needed to recognise it', async t => {
  const { logIn, confirm } = await start(t)
  const { accessToken } = await logIn()
  const answer = await confirm(accessToken, { ...transfer, data: { ['x'.repeat(10_000)]: {} } })
  t.equal(slugOf(answer), 'invalid-request')
  t.ok(answer.body.length < 1000)
})

t.test('a number stands in the text as it is written, and in the receipt as a number', async t => {
  const { logIn, confirm, verifyConfirmation, twilio } = await start(t)
  const { accessToken } = await logIn()
  const data = { ...transfer.data, amount: 250.5 }
  const { confirmationToken, text } = (await confirm(accessToken, { ...transfer, data })).json()
  t.equal(text, 'Send 250.5 EUR to Grace Hopper')
  const { receipt } = (await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())).json()
  t.strictSame(decodeJwt(receipt)['data'], data)
  t.equal(slugOf(await confirm(accessToken, { ...transfer, data: { ...data, amount: 1e21 } })), 'invalid-request')
})

t.test('a person who can not be texted is told so, and one who was disabled is out', async t => {
  const { logIn, confirm, prisma } = await start(t)
  const { accessToken } = await logIn()
  await prisma.user.updateMany({ data: { phone: null } })
  t.equal(slugOf(await confirm(accessToken)), 'sms-undeliverable')
  await prisma.user.updateMany({ data: { phone: ada.phone, disabled: true } })
  t.equal(slugOf(await confirm(accessToken)), 'invalid-token')
})

t.test('receipts are signed with the key that signs, of whatever kind', async t => {
  const { logIn, confirm, verifyConfirmation, twilio } = await start(t, { signingKeys: [generateKeyPairSync('ed25519').privateKey] })
  const { accessToken } = await logIn()
  const { confirmationToken } = (await confirm(accessToken)).json()
  const { receipt } = (await verifyConfirmation(accessToken, confirmationToken, codeIn(twilio.texts.at(-1)?.body))).json()
  t.match(decodeProtectedHeader(receipt), { alg: 'EdDSA', typ: 'receipt+jwt', kid: decodeProtectedHeader(accessToken).kid })
})

t.test('with the default limits an hour has room for three logins, each with a confirmation', async t => {
  const { logIn, confirm, wait } = await start(t, { limits: defaultLimits })
  for (let i = 0; i < 3; i++) {
    const { accessToken } = await logIn()
    t.equal((await confirm(accessToken, { ...transfer, reference: String(i) })).statusCode, 201)
    wait(60)
  }
  t.same([...readConfig({}).policy.confirmationTemplates.keys()], ['transfer'])
})

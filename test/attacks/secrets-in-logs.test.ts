import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { deriveKey } from '../../src/domain/derive-key.ts'
import { ada, noLimits, differentCode, startApp, transfer } from '../support/start-app.ts'
import {
  respondWithoutMessage,
  acceptThenFail,
  respondMalformed,
  hang,
  redirect,
  reject,
  reset,
  respondFailed,
  twilioAccount
} from '../support/twilio-stand-in.ts'

const secret = Buffer.from('canary-secret-canary-secret-canary')
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

t.test('no secret is logged at any level', async t => {
  // Eight digits, because six may occur in an id by chance.
  const options = {
    codeLength: 8,
    secrets: [secret] as const,
    signingKeys: [privateKey] as const,
    twilioTimeoutMs: 1000,
    policy: { resendCooldown: 0 }
  }
  const service = await startApp(t, options)
  const {
    app,
    addUser,
    loginAndReadCode,
    confirm,
    endSession,
    login,
    logout,
    me,
    refresh,
    sessions,
    post,
    prisma,
    resend,
    verify,
    twilio,
    verifyConfirmation,
    wait,
    users,
    logged
  } = service
  const grace = {
    username: 'grace.hopper',
    password: 'canary zebra password',
    phone: '+12025550144'
  }
  await addUser(grace)
  const secretTexts: string[] = []
  const canary = 'canary-hunter2'
  const remember = (...secrets: string[]) => {
    secretTexts.push(...secrets)
  }

  // A successful login with one wrong code.
  const { challengeToken, code } = await loginAndReadCode(grace)
  const wrong = differentCode(code)
  await verify(challengeToken, wrong)
  await resend(challengeToken)
  const resent = twilio.lastCode()
  await verify(challengeToken, code)
  const { accessToken, refreshToken } = (await verify(challengeToken, resent)).json()
  await me(accessToken)
  remember(challengeToken, code, wrong, resent, accessToken, refreshToken)

  // A session that ends because a token is reused, and one that ends by a logout.
  const renewed = (await refresh(refreshToken)).json()
  await refresh(refreshToken)
  wait(60)
  await refresh(refreshToken)
  await refresh(canary)
  await refresh(accessToken)
  const { challengeToken: another, code: anotherCode } = await loginAndReadCode(grace)
  const session = (await verify(another, anotherCode)).json()
  await sessions(session.accessToken)
  await endSession(session.accessToken, canary)
  const confirmation = (await confirm(session.accessToken)).json()
  const confirmCode = twilio.lastCode()
  await verifyConfirmation(
    session.accessToken,
    confirmation.confirmationToken,
    differentCode(confirmCode)
  )
  await verifyConfirmation(session.accessToken, canary, confirmCode)
  await confirm(session.accessToken, {
    action: canary,
    data: { [canary]: canary },
    reference: canary
  })
  const { receipt } = (
    await verifyConfirmation(session.accessToken, confirmation.confirmationToken, confirmCode)
  ).json()
  remember(
    confirmation.confirmationToken,
    confirmCode,
    receipt,
    ...Object.values(transfer.data).filter(value => value.length >= 8)
  )
  await logout(session.refreshToken)
  await logout(canary)
  remember(
    renewed.accessToken,
    renewed.refreshToken,
    another,
    anotherCode,
    session.accessToken,
    session.refreshToken
  )

  // Refused requests.
  await login({ ...grace, password: canary })
  await login({ username: `${canary}-user`, password: canary })
  await post('/login', { username: 'grace.hopper', passwort: canary })
  await post('/login', `{"username":"grace.hopper","password":"${canary}"`)
  await post('/login', { ...grace, password: canary.repeat(2000) })
  await post('/verify', { challengeToken, code: `${canary}` })
  await verify(challengeToken, resent)
  await resend(challengeToken)
  await app.inject({
    method: 'POST',
    url: '/login',
    payload: canary,
    headers: { 'content-type': 'text/plain', cookie: canary, authorization: canary }
  })
  await app.inject({
    url: `/${canary}?token=${canary}`,
    headers: {
      'user-agent': canary,
      referer: canary,
      'x-forwarded-for': canary,
      origin: canary
    }
  })
  await app.inject({ url: `/%${canary}` })
  for (const header of [
    canary,
    `Bearer ${canary}`,
    `Basic ${canary}`,
    `Bearer ${challengeToken}`,
    `Bearer ${accessToken}x`
  ]) {
    await app.inject({ url: '/me', headers: { authorization: header } })
  }
  const exhausted = await loginAndReadCode(grace)
  for (let i = 0; i < 6; i++) await verify(exhausted.challengeToken, differentCode(exhausted.code))
  const expired = await loginAndReadCode(grace)
  wait(60)
  await verify(expired.challengeToken, expired.code)
  remember(canary, exhausted.challengeToken, exhausted.code, expired.challengeToken, expired.code)

  // All failures of Twilio.
  for (const failure of [
    reject(401, 20003),
    reject(429, 20429),
    reject(400, 99999),
    acceptThenFail(500),
    hang(),
    reset(),
    redirect(),
    respondMalformed(),
    respondWithoutMessage(),
    respondFailed(30007),
    // Last, because an undeliverable number is not tried again.
    reject(400, 21211)
  ]) {
    twilio.failNext(failure)
    await login(grace)
  }
  await prisma.rateLimit.deleteMany({ where: { key: { startsWith: 'undeliverable' } } })
  remember(...twilio.requests.map(({ Body = '' }) => /\d{8}/.exec(Body)?.[0] ?? ''))

  // Exhausted rate limits.
  const limits = {
    ...noLimits,
    requests: 40,
    passwordFailures: 3,
    codeFailures: 2,
    messagesPerHour: 2
  }
  const limited = await startApp(t, {
    ...options,
    limits,
    database: service.database,
    clock: service.clock,
    withoutUsers: true
  })
  const locked = await limited.loginAndReadCode(grace)
  for (let i = 0; i < 4; i++)
    await limited.verify(locked.challengeToken, differentCode(locked.code))
  // First the passwords, because an exhausted message limit is checked before the password.
  for (let i = 0; i < 6; i++) await limited.login({ ...grace, password: canary })
  for (let i = 0; i < 4; i++) await limited.login(ada, '198.51.100.7')
  for (let i = 0; i < 40; i++) await limited.post('/login', { username: canary, password: canary })
  // Only the longest wait is reported, which would be that of the password at /login.
  await limited.post('/verify', { challengeToken: canary, code: canary })
  const exceeded = new Set(
    limited.logged
      .map(line => JSON.parse(line))
      .flatMap(({ event, limit }) => (event === 'rate_limit.exceeded' ? [limit] : []))
  )
  t.same([...exceeded].sort(), ['codes', 'password.here', 'requests', 'sms.hour'])
  remember(locked.challengeToken, locked.code)

  // A database that becomes unreachable.
  const broken = await loginAndReadCode(grace)
  await users.change({ username: 'grace.hopper' }, { disabled: true }, new Date())
  await me(accessToken)
  remember(broken.challengeToken, broken.code)
  const nowhere = await openDatabase('postgresql://postgres:canary-hunter2@127.0.0.1:1/none')
  t.teardown(nowhere.close)
  const without = await startApp(t, {
    ...options,
    database: { ...nowhere, url: undefined },
    withoutUsers: true
  })
  t.equal((await without.login(grace)).statusCode, 503)
  t.equal((await without.verify(broken.challengeToken, broken.code)).statusCode, 503)
  t.equal((await without.resend(broken.challengeToken)).statusCode, 503)
  t.equal((await without.me(accessToken)).statusCode, 503)
  t.equal((await without.refresh(session.refreshToken)).statusCode, 503)
  t.equal((await without.logout(session.refreshToken)).statusCode, 503)

  const digests = (await prisma.user.findMany()).flatMap(({ passwordDigest }) =>
    passwordDigest.split('$').slice(-2)
  )
  const hashes = (await prisma.challenge.findMany()).flatMap(({ codeHash, id }) => [
    Buffer.from(codeHash).toString('hex'),
    Buffer.from(codeHash).toString('base64'),
    id
  ])
  const keys = [
    secret,
    deriveKey(secret, 'code'),
    deriveKey(secret, 'rate-limits'),
    deriveKey(secret, 'challenge-token'),
    deriveKey(secret, 'refresh-token'),
    deriveKey(secret, 'confirmation-token')
  ].flatMap(key => [
    key.toString('hex'),
    key.toString('base64'),
    key.toString('base64url'),
    key.toString('latin1')
  ])
  const { d = '' } = privateKey.export({ format: 'jwk' })
  remember(
    ada.password,
    grace.password,
    ada.phone,
    grace.phone,
    ada.phone.slice(2),
    grace.phone.slice(2),
    ...digests,
    ...hashes,
    ...keys,
    d,
    String(privateKey.export({ format: 'pem', type: 'pkcs8' })).split('\n')[1] ?? '',
    twilioAccount.authToken,
    btoa(`${twilioAccount.accountSid}:${twilioAccount.authToken}`)
  )
  // The signature alone must not be logged either, because the rest of a token can be guessed.
  remember(
    ...secretTexts
      .filter(text => text.split('.').length === 3)
      .map(token => token.split('.')[2] ?? '')
  )

  const lines = [...logged, ...limited.logged, ...without.logged].map(line => {
    // Without numbers of the machine, in which a code could occur by chance.
    const { time, pid, reqId, ms, durationMs, ...rest } = JSON.parse(line)
    return JSON.stringify(rest)
  })
  t.ok(lines.length > 60, `${lines.length} lines`)
  t.ok(
    secretTexts.length > 60 && secretTexts.every(text => text.length >= 8),
    'there are secrets to search for'
  )
  for (const text of new Set(secretTexts)) {
    const [line] = lines.filter(
      line =>
        line.includes(text) ||
        line.includes(encodeURIComponent(text)) ||
        line.includes(JSON.stringify(text).slice(1, -1))
    )
    t.equal(line, undefined, JSON.stringify(text.slice(0, 40)))
  }
})

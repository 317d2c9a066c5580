import t from 'tap'
import { createRateLimitStore } from '../../src/adapters/stores/rate-limits.ts'
import { consume } from '../../src/domain/rate-limits/rate-limit.ts'
import { unlockUser } from '../../src/domain/login/unlock-user.ts'
import {
  ada,
  defaultLimits,
  differentCode,
  slugOf,
  startApp,
  transfer
} from '../support/start-app.ts'
import { reject } from '../support/twilio-stand-in.ts'

const secret = Buffer.alloc(32, 1)
const limits = { ...defaultLimits, requests: 0, messagesPerNetworkHour: 0 }
/** Unlocks Ada as another process does, which does not share the server's caches. */
const unlock = ({ prisma, users }: Awaited<ReturnType<typeof startApp>>, options = {}) =>
  unlockUser(
    { users, rateLimits: [createRateLimitStore(prisma, secret)] },
    { username: 'ADA' },
    options
  )

t.test('unlock resets the message limits of the account and its number', async t => {
  const service = await startApp(t, { limits, secrets: [secret] })
  const { login, wait, twilio } = service
  for (let hour = 0; hour < 4; hour++) {
    for (let n = 0; n < 5; n++) {
      await login()
      wait(31)
    }
    wait(3600)
  }
  t.equal(twilio.messages.length, 20)
  t.match((await login()).json(), { status: 429, type: /too-many-texts$/ })
  t.ok(await unlock(service))
  wait(5)
  t.equal((await login()).statusCode, 200)
})

t.test('unlock resets confirmations with their lockout and message limits', async t => {
  const service = await startApp(t, {
    limits,
    secrets: [secret],
    policy: { confirmationMaxAge: 86_400, refreshTokenTtl: 86_400 },
    accessTokenTtl: 86_400
  })
  const { confirm, logIn, verifyConfirmation, twilio, wait } = service
  const { accessToken } = await logIn()
  const { confirmationToken } = (await confirm(accessToken)).json()
  for (let n = 0; n < 5; n++)
    await verifyConfirmation(accessToken, confirmationToken, differentCode(twilio.lastCode()))
  t.match((await confirm(accessToken)).json(), { status: 429, reason: 'codes' })
  await unlock(service)
  for (let n = 0; n < 2; n++)
    t.equal((await confirm(accessToken, { ...transfer, reference: `order-${n}` })).statusCode, 201)
  t.equal((await confirm(accessToken)).statusCode, 201)
  t.equal(slugOf(await confirm(accessToken, { ...transfer, reference: 'x' })), 'too-many-texts')
  await unlock(service)
  wait(5)
  t.equal((await confirm(accessToken, { ...transfer, reference: 'x' })).statusCode, 201)
})

t.test('unlock resets that the number is undeliverable', async t => {
  const service = await startApp(t, { limits, secrets: [secret] })
  const { login, twilio, wait } = service
  twilio.failNext(reject(400, 21610))
  t.equal(slugOf(await login()), 'sms-undeliverable')
  t.equal(slugOf(await login()), 'sms-undeliverable')
  await unlock(service)
  wait(5)
  t.equal((await login()).statusCode, 200)
})

t.test('unlock resets lockouts of codes and, unless disabled, password limits', async t => {
  const service = await startApp(t, { limits, secrets: [secret] })
  const { loginAndReadCode, login, verify, wait } = service
  const pending = await loginAndReadCode()
  for (let n = 0; n < 5; n++) await verify(pending.challengeToken, differentCode(pending.code))
  for (let n = 0; n < 11; n++) await login({ ...ada, password: 'wrong' })
  await unlock(service, { passwords: false })
  wait(5)
  t.match((await login()).json(), { status: 429, reason: 'passwords' })
  t.equal((await login(ada, '203.0.113.9')).statusCode, 200, 'codes are unlocked')
  await unlock(service)
  wait(30)
  t.equal((await login()).statusCode, 200)
})

t.test('unlock leaves other users unchanged', async t => {
  const service = await startApp(t, { limits, secrets: [secret] })
  const { addUser, login, wait } = service
  const grace = { username: 'grace', password: 'anchors aweigh', phone: '+12025550144' }
  await addUser(grace)
  for (let n = 0; n < 11; n++) await login({ ...grace, password: 'wrong' })
  await unlock(service)
  t.equal(await unlockUser({ users: service.users, rateLimits: [] }, { username: 'nobody' }), null)
  wait(5)
  t.match((await login(grace)).json(), { status: 429, reason: 'passwords' })
})

t.test('the first lockout of confirmations after an unlock lasts fifteen minutes', async t => {
  const service = await startApp(t, { limits: { codeFailures: 5 }, secrets: [secret] })
  const { accessToken, confirm, verifyConfirmation, twilio } = service
  const token = await accessToken()
  for (let n = 0; n < 2; n++) {
    const { confirmationToken } = (
      await confirm(token, { ...transfer, reference: `order-${n}` })
    ).json()
    for (let i = 0; i < 5; i++)
      await verifyConfirmation(token, confirmationToken, differentCode(twilio.lastCode()))
    t.match((await confirm(token)).json(), { status: 429, reason: 'codes', retryAfter: 900 })
    await unlock(service)
  }
})

t.test('unlock resets the daily limit of confirmations', async t => {
  const service = await startApp(t, { limits: { messagesPerPhoneDay: 2 }, secrets: [secret] })
  const { accessToken, confirm, wait } = service
  const token = await accessToken()
  const next = { ...transfer, reference: 'next' }
  t.equal((await confirm(token)).statusCode, 201)
  t.equal(slugOf(await confirm(token, next)), 'too-many-texts')
  await unlock(service)
  wait(5)
  t.equal((await confirm(token, next)).statusCode, 201)
})

t.test('unlock resets the longer windows of a username under attack', async t => {
  const service = await startApp(t, { limits, secrets: [secret] })
  const { rateLimits, clock, database, login, wait } = service
  const wrong = { ...ada, password: 'wrong' }
  const limit = {
    name: 'password.name',
    key: { username: 'ada' },
    max: 2 ** 31 - 1,
    windowSeconds: 86_400
  } as const
  await rateLimits.apply([consume(limit)], clock())
  await database.prisma.rateLimit.updateMany({ data: { count: 101 } })
  for (let i = 0; i < 3; i++) t.equal(slugOf(await login(wrong)), 'invalid-credentials')
  t.equal(slugOf(await login(wrong)), 'too-many-attempts')
  await unlock(service)
  wait(5)
  for (let i = 0; i < 4; i++) t.equal(slugOf(await login(wrong)), 'invalid-credentials')
})

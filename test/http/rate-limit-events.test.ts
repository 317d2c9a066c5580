import type { LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { ada, differentCode, slugOf, startApp, type StartOptions } from '../support/start-app.ts'
import { reject } from '../support/twilio-stand-in.ts'

const wrong = { ...ada, password: 'not the password' }

/** Starts the service. `assertRecordedOnce` asserts that a request is refused and logged once. */
async function start(t: Test, options: StartOptions) {
  const service = await startApp(t, options)
  const recorded = () =>
    service.logged
      .map(line => JSON.parse(line))
      .flatMap(({ event, limit }) => (event === 'rate_limit.exceeded' ? [limit] : []))
  const assertRecordedOnce = async (
    request: () => Promise<LightMyRequestResponse>,
    slug: string,
    limit: string
  ) => {
    const before = recorded().length
    t.equal(slugOf(await request()), slug)
    t.same(recorded().slice(before), [limit])
  }
  return { ...service, recorded, assertRecordedOnce }
}

t.test('a request that exceeds its limit is recorded once for every endpoint', async t => {
  const { assertRecordedOnce, login, logout, post, recorded, refresh, verify } = await start(t, {
    limits: { requests: 5, passwordFailures: 10 }
  })
  for (let n = 0; n < 5; n++) await login(wrong)
  t.same(recorded(), [])
  for (const request of [
    () => login(),
    () => verify('no token', '123456'),
    () => refresh('no token'),
    () => logout('no token'),
    () => post('/login', '{')
  ])
    await assertRecordedOnce(request, 'too-many-attempts', 'requests')
})

t.test('a password limit is recorded once for each refused login', async t => {
  const { assertRecordedOnce, login } = await start(t, {
    limits: { requests: 5, passwordFailures: 2 }
  })
  for (let n = 0; n < 2; n++) await login(wrong)
  for (let n = 0; n < 2; n++)
    await assertRecordedOnce(() => login(), 'too-many-attempts', 'password.here')
})

t.test('a message limit is recorded once for each refused message', async t => {
  const { confirm, assertRecordedOnce, logIn, login, resend, wait } = await start(t, {
    limits: { requests: 50, messagesPerPhoneHour: 2, passwordFailures: 10 }
  })
  const { accessToken } = await logIn()
  wait(31)
  const { challengeToken } = (await login()).json()
  wait(31)
  for (let n = 0; n < 2; n++) {
    await assertRecordedOnce(() => login(), 'too-many-texts', 'sms.phone-hour')
    await assertRecordedOnce(() => resend(challengeToken), 'too-many-texts', 'sms.phone-hour')
    await assertRecordedOnce(() => confirm(accessToken), 'too-many-texts', 'sms.phone-hour')
  }
})

t.test('a paused country is recorded once for each refused message', async t => {
  const { clock, countryTraffic, assertRecordedOnce, login, recorded, wait } = await start(t, {
    policy: { conversion: { floor: 10, volume: 20, pause: 900 } }
  })
  for (let n = 0; n < 20; n++) countryTraffic.recordSent('US', clock())
  wait(61)
  t.same(recorded(), [])
  for (let n = 0; n < 2; n++)
    await assertRecordedOnce(() => login(), 'too-many-texts', 'sms.country-paused')
})

t.test('an undeliverable number is recorded from the second message on', async t => {
  const { assertRecordedOnce, login, recorded, twilio } = await start(t, {})
  twilio.failNext(reject(400, 21610))
  t.equal(slugOf(await login()), 'sms-undeliverable')
  t.same(recorded(), [])
  for (let n = 0; n < 2; n++)
    await assertRecordedOnce(() => login(), 'sms-undeliverable', 'undeliverable.blocked')
})

t.test('a locked account is recorded once for each refused request', async t => {
  const { assertRecordedOnce, login, loginAndReadCode, recorded, resend, verify } = await start(t, {
    limits: { codeFailures: 1 }
  })
  const { challengeToken, code } = await loginAndReadCode()
  await verify(challengeToken, differentCode(code))
  t.same(recorded(), [])
  await assertRecordedOnce(() => verify(challengeToken, code), 'too-many-attempts', 'codes')
  await assertRecordedOnce(() => resend(challengeToken), 'too-many-attempts', 'codes')
  await assertRecordedOnce(() => login(), 'too-many-attempts', 'codes')
})

t.test('a session with too many requests is recorded once for each', async t => {
  const { accessToken, endSession, assertRecordedOnce, me, sessions } = await start(t, {
    limits: { requestsPerSession: 1, requests: 50 }
  })
  const token = await accessToken()
  await me(token)
  for (const request of [() => me(token), () => sessions(token), () => endSession(token)])
    await assertRecordedOnce(request, 'too-many-attempts', 'session-requests.session')
})

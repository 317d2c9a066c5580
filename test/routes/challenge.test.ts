import t, { type Test } from 'tap'
import {
  ada,
  defaultLimits,
  differentCode,
  slugOf,
  startApp,
  type StartOptions
} from '../support/start-app.ts'
import { reject } from '../support/twilio-stand-in.ts'

const start = (t: Test, options: StartOptions = {}) =>
  startApp(t, { publicUrl: 'https://login.example', ...options })

t.test('the response has the fields of the login response and the delivery', async t => {
  const { login, read, wait } = await start(t)
  const { challengeToken, ...pending } = (await login()).json()
  wait(7)
  const response = await read(challengeToken)
  t.equal(response.statusCode, 200)
  const { challengeToken: token, ...status } = response.json()
  t.same(status, {
    ...pending,
    expiresIn: 593,
    codeExpiresIn: 53,
    resendIn: 23,
    sent: false,
    delivery: 'queued'
  })
  t.equal((await read(token)).statusCode, 200, 'the token belongs to the same challenge')
})

t.test('delivery', async t => {
  t.test('the delivery follows the reports of Twilio', async t => {
    const { login, read, report } = await start(t)
    const { challengeToken } = (await login()).json()
    const delivery = async () => (await read(challengeToken)).json().delivery
    t.equal(await delivery(), 'queued')
    await report('sent')
    t.equal(await delivery(), 'sent')
    await report('delivered')
    t.equal(await delivery(), 'delivered')
    await report('undelivered')
    t.equal(await delivery(), 'delivered')
  })

  t.test('after a failure the response has its reason, and a resend is possible', async t => {
    const { login, read, report, resend } = await start(t)
    let { challengeToken } = (await login()).json()
    for (const [errorCode, deliveryReason] of [
      [30003, 'unreachable'],
      [30007, 'filtered'],
      [30036, 'expired'],
      [30008, 'unknown'],
      [30006, 'not-mobile']
    ] as const) {
      const before = (await read(challengeToken)).json()
      t.match(before, { resendIn: 30, delivery: 'queued' })
      t.notOk('deliveryReason' in before)
      await report('undelivered', { errorCode })
      t.match((await read(challengeToken)).json(), {
        resendIn: 0,
        codeExpiresIn: 60,
        delivery: 'failed',
        deliveryReason
      })
      challengeToken = (await resend(challengeToken)).json().challengeToken
    }
  })

  t.test('the delivery is unknown without PUBLIC_URL', async t => {
    const { login, read } = await startApp(t)
    t.equal((await read((await login()).json().challengeToken)).json().delivery, 'unknown')
  })

  t.test('the delivery has failed if Twilio refused a resend', async t => {
    const { login, read, resend, twilio, wait } = await start(t)
    const { challengeToken } = (await login()).json()
    wait(31)
    twilio.failNext(reject(400, 21610))
    t.equal(slugOf(await resend(challengeToken)), 'sms-undeliverable')
    t.match((await read(challengeToken)).json(), {
      codeExpiresIn: 0,
      delivery: 'failed',
      deliveryReason: 'blocked'
    })
  })

  t.test('the delivery is queued again after a resend', async t => {
    const { login, read, report, resend, wait } = await start(t)
    const { challengeToken } = (await login()).json()
    await report('delivered')
    wait(31)
    await resend(challengeToken)
    t.match((await read(challengeToken)).json(), { resendIn: 30, delivery: 'queued' })
  })
})

t.test('tokens', async t => {
  t.test('the token of a confirmation works without an access token', async t => {
    const { accessToken, confirm, read, report } = await start(t)
    const pending = (await confirm(await accessToken())).json()
    await report('delivered')
    const response = (await read(pending.confirmationToken)).json()
    t.match(response, { destination: pending.destination, delivery: 'delivered' })
    t.notOk('text' in response)
    t.equal((await read(response.challengeToken)).statusCode, 200)
  })

  t.test('the token of a phone change shows the new number', async t => {
    const { accessToken, changePhone, read } = await start(t)
    const token = await accessToken()
    const { challengeToken } = (await changePhone(token, '+12025550107')).json()
    t.match((await read(challengeToken)).json(), { destination: '+1•••••••07' })
  })

  t.test('a challenge that has ended has no state', async t => {
    const { loginAndReadCode, login, read, users, verify, wait } = await start(t)
    const used = await loginAndReadCode()
    await verify(used.challengeToken, used.code)
    wait(31)
    const replaced = await loginAndReadCode()
    wait(31)
    const exhausted = await loginAndReadCode()
    for (let n = 0; n < 5; n++)
      await verify(exhausted.challengeToken, differentCode(exhausted.code))
    for (const token of [used, replaced, exhausted].map(({ challengeToken }) => challengeToken))
      t.equal(slugOf(await read(token)), 'challenge-ended')
    const { challengeToken } = (await login()).json()
    await users.change({ username: ada.username }, { disabled: true }, new Date())
    t.equal(slugOf(await read(challengeToken)), 'challenge-ended', 'a disabled user')
    await users.change({ username: ada.username }, { disabled: false }, new Date())
    const { challengeToken: expired } = (await login()).json()
    wait(600)
    t.equal(slugOf(await read(expired)), 'challenge-ended', 'an expired challenge')
    t.equal(slugOf(await read('forged')), 'challenge-ended')
  })
})

t.test('cost', async t => {
  t.test('a hundred reads use no attempt, send no message and store nothing', async t => {
    const { loginAndReadCode, prisma, read, twilio, verify } = await start(t, {
      limits: defaultLimits
    })
    const { challengeToken, code } = await loginAndReadCode()
    const rows = () =>
      Promise.all([
        prisma.challenge.findMany(),
        prisma.rateLimit.findMany({ orderBy: { key: 'asc' } })
      ])
    const before = await rows()
    for (let n = 0; n < 100; n++) t.equal((await read(challengeToken)).statusCode, 200)
    t.same(await rows(), before)
    t.equal(twilio.messages.length, 1)
    t.equal((await verify(challengeToken, code)).statusCode, 200)
  })

  t.test('reads are limited per challenge and per network', async t => {
    const { addUser, login, read, wait } = await start(t, {
      limits: { requests: 5, requestsPerSession: 10, sessionRequestsPerNetwork: 15 }
    })
    const grace = { username: 'grace', password: 'anchors aweigh', phone: '+12025550144' }
    await addUser(grace)
    const { challengeToken } = (await login()).json()
    const other = (await login(grace)).json().challengeToken
    for (let n = 0; n < 10; n++) t.equal((await read(challengeToken)).statusCode, 200)
    const refused = await read(challengeToken)
    t.match(refused.json(), { status: 429, type: /too-many-attempts$/, reason: 'requests' })
    t.equal(refused.headers['retry-after'], '60')
    for (let n = 0; n < 5; n++) t.equal((await read(other)).statusCode, 200)
    t.equal(slugOf(await read(other)), 'too-many-attempts')
    t.equal((await read(other, '198.51.100.7')).statusCode, 200)
    t.equal((await login()).statusCode, 200, 'reads do not count toward other limits')
    wait(60)
    t.equal((await read(challengeToken)).statusCode, 200)
  })
})

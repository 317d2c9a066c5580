import t, { type Test } from 'tap'
import { deleteExpired } from '../../src/adapters/stores/delete-expired.ts'
import { ada, slugOf, startApp, type StartOptions } from '../support/start-app.ts'
import { reject, statusCallback } from '../support/twilio-stand-in.ts'

const day = 86_400
const grace = { username: 'grace', password: 'anchors aweigh', phone: '+12025550144' }
const twin = { ...ada, username: 'shares-the-number' }

/** Marks the number of Ada and of her twin as that of a landline. Grace has another number. */
async function start(t: Test, options: StartOptions = {}) {
  const app = await startApp(t, {
    publicUrl: 'https://login.example',
    policy: { resendCooldown: 0 },
    ...options
  })
  for (const user of [twin, grace]) await app.addUser(user)
  const { challengeToken } = (await app.login()).json()
  await app.report('undelivered', { errorCode: 30006 })
  return {
    ...app,
    challengeToken,
    /** Returns how many messages to the number were sent after the first `before`. */
    sentSince(before: number) {
      return app.twilio.messagesTo(ada.phone).length - before
    }
  }
}

t.test('a marked number gets one message in 24 hours', async t => {
  t.test('all users with the number share that message', async t => {
    const { login, resend, challengeToken, sentSince, twilio, wait } = await start(t)
    t.equal(slugOf(await resend(challengeToken)), 'sms-undeliverable')
    for (let n = 0; n < 5; n++) {
      const before = twilio.messagesTo(ada.phone).length
      wait(day - 1)
      t.equal(slugOf(await login()), 'sms-undeliverable')
      t.equal(slugOf(await login(twin)), 'sms-undeliverable')
      wait(1)
      const response = await login(n % 2 === 0 ? ada : twin)
      t.equal(response.statusCode, 200)
      // Twilio has not reported on this message yet.
      t.equal(slugOf(await resend(response.json().challengeToken)), 'sms-undeliverable')
      t.equal(slugOf(await login()), 'sms-undeliverable')
      t.equal(slugOf(await login(twin)), 'sms-undeliverable')
      t.equal(sentSince(before), 1)
    }
  })

  t.test('the limit holds if the failure is reported late, repeatedly or never', async t => {
    const { callBack, login, report, sentSince, twilio, wait } = await start(t)
    const first = twilio.messages[0]
    if (first === undefined) throw new Error('no message was sent')
    for (const late of [
      () => report('undelivered', { errorCode: 30006 }),
      () => report('undelivered', { errorCode: 30003 }),
      () => report('sent'),
      () => callBack(statusCallback(first, 'undelivered', { errorCode: 30006 })),
      async () => {}
    ]) {
      const before = twilio.messagesTo(ada.phone).length
      wait(day)
      t.equal((await login()).statusCode, 200)
      wait(3600)
      await late()
      t.equal(slugOf(await login()), 'sms-undeliverable')
      t.equal(slugOf(await login(twin)), 'sms-undeliverable')
      t.equal(sentSince(before), 1)
    }
  })

  t.test('only one of fifty concurrent logins of two users sends it', async t => {
    const { login, sentSince, wait } = await start(t)
    wait(day)
    const responses = await Promise.all(
      Array.from({ length: 50 }, (_, n) => login(n % 2 === 0 ? ada : twin))
    )
    t.equal(sentSince(1), 1)
    t.equal(responses.filter(({ statusCode }) => statusCode === 200).length, 1)
    for (const response of responses.filter(({ statusCode }) => statusCode !== 200))
      t.equal(slugOf(response), 'sms-undeliverable')
  })

  t.test('a phone change uses the same message', async t => {
    const { accessToken, changePhone, confirm, login, report, sentSince, users, wait } =
      await start(t)
    const token = await accessToken(grace)
    t.equal(slugOf(await changePhone(token, ada.phone)), 'sms-undeliverable')
    wait(day)
    const next = await accessToken(grace)
    t.equal((await changePhone(next, ada.phone)).statusCode, 200)
    t.equal(slugOf(await changePhone(next, ada.phone)), 'sms-undeliverable')
    t.equal(slugOf(await login()), 'sms-undeliverable')
    await report('undelivered', { errorCode: 30006 })
    t.equal(sentSince(1), 1)
    await users.change({ username: 'grace' }, { phone: ada.phone }, new Date())
    t.equal(slugOf(await confirm(next)), 'invalid-token')
    t.equal(
      slugOf(await login(grace)),
      'sms-undeliverable',
      'a change by an operator does not remove the mark'
    )
  })

  t.test('a change to another number and back does not remove the mark', async t => {
    const { login, sentSince, users, wait } = await start(t)
    const setPhone = (phone: string) =>
      users.change({ username: ada.username }, { phone }, new Date())
    await setPhone('+12025550199')
    t.equal((await login()).statusCode, 200, 'the new number is not marked')
    await setPhone(ada.phone)
    t.equal(slugOf(await login()), 'sms-undeliverable')
    t.equal(sentSince(1), 0)
    wait(day)
    t.equal((await login()).statusCode, 200)
    t.equal(slugOf(await login()), 'sms-undeliverable')
    t.equal(sentSince(1), 1)
  })

  t.test('a restart and the deletion of expired rows do not remove the mark', async t => {
    const secrets = [Buffer.alloc(32, 7)] as const
    const { clock, database, login, prisma, sentSince, wait } = await start(t, { secrets })
    wait(7 * day)
    await deleteExpired(prisma, clock())
    const other = await startApp(t, {
      database,
      clock,
      secrets,
      withoutUsers: true,
      publicUrl: 'https://login.example',
      policy: { resendCooldown: 0 }
    })
    t.equal((await other.login()).statusCode, 200)
    t.equal(slugOf(await other.login()), 'sms-undeliverable')
    t.equal(slugOf(await login()), 'sms-undeliverable')
    t.equal(other.twilio.messages.length + sentSince(1), 1)
  })
})

t.test('the mark of a number expires a year after its last message', async t => {
  const { clock, login, prisma, resend, wait } = await start(t)
  wait(366 * day - 1)
  await deleteExpired(prisma, clock())
  t.equal(await prisma.rateLimit.count(), 1)
  wait(1)
  await deleteExpired(prisma, clock())
  t.equal(await prisma.rateLimit.count(), 0)
  const { challengeToken } = (await login()).json()
  t.equal((await resend(challengeToken)).statusCode, 200)
})

t.test('requests that do not use up the message', async t => {
  t.test('a login that a rate limit refuses does not use up the message', async t => {
    const { login, logged, sentSince, wait } = await start(t, { limits: { messagesPerHour: 1 } })
    wait(day)
    await login(grace)
    t.equal(slugOf(await login()), 'too-many-texts')
    t.equal(sentSince(1), 0)
    wait(3600)
    t.equal((await login()).statusCode, 200)
    t.equal(sentSince(1), 1)
    wait(3600)
    t.equal(slugOf(await login()), 'sms-undeliverable')
    wait(day - 3601)
    t.equal(slugOf(await login()), 'sms-undeliverable', 'the 24 hours start with the message')
    wait(1)
    t.equal((await login()).statusCode, 200)
    t.ok(logged)
  })

  t.test('a wrong password does not use up the message', async t => {
    const { login, wait } = await start(t)
    wait(day)
    t.equal(slugOf(await login({ ...ada, password: 'wrong' })), 'invalid-credentials')
    t.equal((await login()).statusCode, 200)
  })
})

t.test('removal of the mark', async t => {
  t.test('a delivered message removes the mark', async t => {
    const { login, report, resend, sentSince, wait } = await start(t)
    wait(day)
    const { challengeToken } = (await login()).json()
    await report('delivered')
    wait(5) // The refusal may be remembered for five seconds.
    for (let n = 0; n < 3; n++) t.equal((await resend(challengeToken)).statusCode, 200)
    t.equal((await login(twin)).statusCode, 200)
    t.equal(sentSince(1), 5)
  })

  t.test('a correct code removes the mark, even if the delivery is never reported', async t => {
    const { login, loginAndReadCode, verify, wait } = await start(t)
    wait(day)
    const { challengeToken, code } = await loginAndReadCode()
    t.equal(slugOf(await login(twin)), 'sms-undeliverable')
    t.equal((await verify(challengeToken, code)).statusCode, 200)
    wait(5)
    t.equal((await login()).statusCode, 200)
    t.equal((await login(twin)).statusCode, 200)
  })

  t.test('a verified phone change removes the mark', async t => {
    const { accessToken, changePhone, login, twilio, verifyPhone, wait } = await start(t)
    wait(day)
    const token = await accessToken(grace)
    const { challengeToken } = (await changePhone(token, ada.phone)).json()
    t.equal((await verifyPhone(token, challengeToken, twilio.lastCode())).statusCode, 204)
    wait(5)
    t.equal((await login(twin)).statusCode, 200)
  })

  t.test('a failure that is reported after the code was entered sets no mark', async t => {
    const { loginAndReadCode, login, report, verify } = await startApp(t, {
      publicUrl: 'https://login.example'
    })
    const { challengeToken, code } = await loginAndReadCode()
    await verify(challengeToken, code)
    await report('undelivered', { errorCode: 30006 })
    t.equal((await login()).statusCode, 200)
  })
})

t.test('without PUBLIC_URL a refused number may be tried again after 24 hours', async t => {
  const { login, resend, twilio, wait } = await startApp(t, { policy: { resendCooldown: 0 } })
  twilio.failNext(reject(400, 21614))
  t.equal(slugOf(await login()), 'sms-undeliverable')
  wait(day - 1)
  t.equal(slugOf(await login()), 'sms-undeliverable')
  wait(1)
  const { challengeToken } = (await login()).json()
  t.equal((await resend(challengeToken)).statusCode, 200)
})

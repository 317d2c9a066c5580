import t, { type Test } from 'tap'
import { ada, slugOf, startApp, type StartOptions } from '../support/start-app.ts'

const reviewer = { username: 'reviewer', password: 'mind the gap, please', phone: '+12025550123' }
const code = '424242'

/** Starts the service with the reviewer, whose test number works through this day. */
async function startWithReviewer(t: Test, lastDay = '2999-12-31', options: StartOptions = {}) {
  const service = await startApp(t, {
    ...options,
    policy: { testNumbers: new Map([[reviewer.phone, { code, lastDay }]]), ...options.policy }
  })
  await service.addUser(reviewer)
  return service
}

t.test('logins', async t => {
  t.test('a login with a test number sends no message and takes the fixed code', async t => {
    const { login, verify, me, twilio, logged } = await startWithReviewer(t)
    const { challengeToken, ...status } = (await login(reviewer)).json()
    t.same(status, {
      expiresIn: 600,
      destination: '+1•••••••23',
      codeLength: 6,
      codeExpiresIn: 60,
      resendIn: 30,
      sent: true
    })
    const { accessToken } = (await verify(challengeToken, code)).json()
    t.match((await me(accessToken)).json(), { username: 'reviewer' })
    t.same(twilio.messages, [])
    const events = logged.map(line => JSON.parse(line))
    t.match(
      events.filter(({ event }) => event === 'code.test_number_used'),
      [{ level: 40, event: 'code.test_number_used', country: 'US', userId: String }]
    )
    t.notOk(events.some(({ event }) => event === 'code.sent'))
    t.notMatch(logged.join(''), code)
    t.notMatch(logged.join(''), reviewer.phone.slice(1))
  })

  t.test('other users get random codes by message', async t => {
    const { logIn, twilio } = await startWithReviewer(t)
    t.match(await logIn(), { accessToken: String })
    t.equal(twilio.messagesTo(ada.phone).length, 1)
  })

  t.test('the fixed code expires, and a resend makes it valid again', async t => {
    const { login, resend, verify, wait, twilio } = await startWithReviewer(t)
    const { challengeToken } = (await login(reviewer)).json()
    t.equal(slugOf(await resend(challengeToken)), 'resend-too-soon')
    t.match((await login(reviewer)).json(), { sent: false })
    wait(60)
    t.equal(slugOf(await verify(challengeToken, code)), 'code-expired')
    t.match((await resend(challengeToken)).json(), { sent: true, codeExpiresIn: 60 })
    t.equal((await verify(challengeToken, code)).statusCode, 200)
    t.same(twilio.messages, [])
  })

  t.test('with status callbacks, the challenge has no message to report on', async t => {
    const { login, post } = await startWithReviewer(t, undefined, {
      publicUrl: 'https://login.example'
    })
    const { challengeToken } = (await login(reviewer)).json()
    t.match((await post('/challenge', { challengeToken })).json(), { delivery: 'none' })
  })

  t.test('the code works through the last day; then the number is undeliverable', async t => {
    let now = Date.parse('2026-12-31T23:59:58Z')
    const { login, verify, twilio } = await startWithReviewer(t, '2026-12-31', {
      clock: () => new Date(now)
    })
    const { challengeToken } = (await login(reviewer)).json()
    t.equal((await verify(challengeToken, code)).statusCode, 200)
    now = Date.parse('2027-01-01T00:00:00Z')
    const refused = await login(reviewer)
    t.match([refused.statusCode, slugOf(refused)], [422, 'sms-undeliverable'])
    t.same(twilio.messages, [])
  })

  t.test('logins are counted and limited like messages', async t => {
    const { login, verify } = await startWithReviewer(t, undefined, {
      limits: { messagesPerPhoneHour: 2 }
    })
    for (let n = 0; n < 2; n++) {
      const { challengeToken } = (await login(reviewer)).json()
      t.equal((await verify(challengeToken, code)).statusCode, 200)
    }
    t.equal(slugOf(await login(reviewer)), 'too-many-texts')
  })
})

t.test('everything else', async t => {
  /** Logs the reviewer in. Resolves to the access token. */
  async function tokenOf({ login, verify }: Awaited<ReturnType<typeof startApp>>) {
    const { challengeToken } = (await login(reviewer)).json()
    return String((await verify(challengeToken, code)).json().accessToken)
  }

  t.test('a confirmation is refused as undeliverable', async t => {
    const service = await startWithReviewer(t)
    const response = await service.confirm(await tokenOf(service))
    t.match([response.statusCode, slugOf(response)], [422, 'sms-undeliverable'])
    t.same(service.twilio.messages, [])
  })

  t.test('the number cannot be changed, neither to a test number nor from one', async t => {
    const service = await startWithReviewer(t)
    const fromTest = await service.changePhone(await tokenOf(service), '+12025550177')
    t.match([fromTest.statusCode, slugOf(fromTest)], [422, 'sms-undeliverable'])
    t.same(service.twilio.messages, [])
    const accessToken = await service.accessToken()
    for (const spelling of [reviewer.phone, '+1 (202) 555-0123', '＋１２０２５５５０１２３']) {
      const toTest = await service.changePhone(accessToken, spelling)
      t.match([toTest.statusCode, slugOf(toTest)], [422, 'sms-undeliverable'], spelling)
    }
    t.same(service.twilio.messagesTo(reviewer.phone), [])
  })
})

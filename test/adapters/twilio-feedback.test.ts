import t from 'tap'
import { createTwilioFeedback } from '../../src/adapters/sms/twilio-feedback.ts'
import { ada, startApp, type StartOptions } from '../support/start-app.ts'
import {
  hang,
  reject,
  reset,
  startTwilioStandIn,
  twilioAccount
} from '../support/twilio-stand-in.ts'

const on: StartOptions = { publicUrl: 'https://login.example', feedback: true }

/** Waits until the condition is true. */
async function until(condition: () => boolean) {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5))
}

t.test('an entered code is reported to Twilio once', async t => {
  const { loginAndReadCode, report, twilio, verify } = await startApp(t, on)
  const { challengeToken, code } = await loginAndReadCode()
  await report('sent')
  await report('delivered')
  t.same(twilio.feedback, [])
  const answers = await Promise.all(Array.from({ length: 20 }, () => verify(challengeToken, code)))
  t.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 1)
  await until(() => twilio.feedback.length > 0)
  t.same(twilio.feedback, [twilio.messages[0]?.sid])
})

t.test('confirmations and phone changes are told, too, and wrong codes are not', async t => {
  const service = await startApp(t, on)
  const { accessToken, changePhone, confirm, report, twilio, verifyConfirmation, verifyPhone } =
    service
  const token = await accessToken()
  const { confirmationToken } = (await confirm(token)).json()
  await report('sent')
  await verifyConfirmation(token, confirmationToken, '000000')
  await verifyConfirmation(token, confirmationToken, twilio.lastCode())
  const { challengeToken } = (await changePhone(token, '+12025550107')).json()
  await report('delivered')
  await verifyPhone(token, challengeToken, twilio.lastCode())
  await until(() => twilio.feedback.length > 1)
  t.same(
    twilio.feedback,
    twilio.messages.slice(1, 3).map(({ sid }) => sid)
  )
})

t.test('nothing is reported by default, or without a callback about the message', async t => {
  for (const options of [{ publicUrl: 'https://login.example' }, on]) {
    const { loginAndReadCode, report, twilio, verify } = await startApp(t, options)
    const { challengeToken, code } = await loginAndReadCode()
    if (options.feedback !== true) await report('delivered')
    t.equal((await verify(challengeToken, code)).statusCode, 200)
    await new Promise(resolve => setTimeout(resolve, 50))
    t.equal(twilio.counts.requests, 1)
    t.equal('ProvideFeedback' in (twilio.requests[0] ?? {}), options.feedback === true)
  }
})

t.test('a resend forgets the earlier message', async t => {
  const { loginAndReadCode, report, resend, twilio, verify, wait } = await startApp(t, on)
  const { challengeToken } = await loginAndReadCode()
  await report('sent')
  wait(31)
  await resend(challengeToken)
  t.equal((await verify(challengeToken, twilio.lastCode())).statusCode, 200)
  await new Promise(resolve => setTimeout(resolve, 50))
  t.same(twilio.feedback, [])
})

t.test('whatever becomes of the feedback, the login succeeds and nothing is repeated', async t => {
  for (const failure of [hang(), reset(), reject(400, 20001), reject(429, 20429)]) {
    const { loginAndReadCode, logged, report, twilio, verify } = await startApp(t, {
      ...on,
      twilioTimeoutMs: 200
    })
    const { challengeToken, code } = await loginAndReadCode()
    await report('delivered')
    twilio.failNext(failure)
    t.equal((await verify(challengeToken, code)).statusCode, 200)
    const lines = () =>
      logged.map(line => JSON.parse(line)).filter(({ event }) => event === 'sms.feedback_failed')
    await until(() => lines().length > 0)
    t.match(lines(), [{ level: 40 }])
    t.notMatch(JSON.stringify(lines()), new RegExp(`${ada.phone.slice(1)}|${code}`))
    t.equal(twilio.counts.requests, 2)
  }
})

t.test('a Twilio that hangs gets five requests at a time, and a hundred more wait', async t => {
  const twilio = await startTwilioStandIn(t)
  const warnings: object[] = []
  const warn = (fields: object) => {
    warnings.push(fields)
  }
  const { confirm } = createTwilioFeedback(
    {
      accountSid: twilioAccount.accountSid,
      authTokens: [twilioAccount.authToken],
      baseUrl: twilio.baseUrl,
      timeoutMs: 300
    },
    { warn, error: warn }
  )
  const { accountSid, authToken } = twilioAccount
  const answer = await fetch(`${twilio.baseUrl}/2010-04-01/Accounts/${accountSid}/Messages.json`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${btoa(`${accountSid}:${authToken}`)}`,
      'content-type': 'application/x-www-form-urlencoded'
    },
    body: new URLSearchParams({
      To: ada.phone,
      Body: 'hello',
      From: '+15005550006',
      ValidityPeriod: '60',
      ProvideFeedback: 'true'
    })
  })
  const { sid } = (await answer.json()) as { sid: string }
  twilio.failNext(...Array.from({ length: 5 }, hang))
  for (let n = 0; n < 1000; n++) confirm(sid)
  await until(() => twilio.feedback.length === 5)
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(twilio.feedback.length, 5)
  await until(() => twilio.feedback.length === 105)
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(twilio.feedback.length, 105)
  t.equal(warnings.length, 5)
})

import type { LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { slugOf, startApp } from '../support/start-app.ts'
import { reject } from '../support/twilio-stand-in.ts'

/** Checks for this problem with the same whole seconds in Retry-After and in the body. */
function saysWhen(t: Test, answer: LightMyRequestResponse, status: number, slug: string) {
  t.equal(answer.statusCode, status)
  t.equal(slugOf(answer), slug)
  t.match(answer.headers['retry-after'], /^[1-9]\d*$/)
  t.equal(answer.headers['retry-after'], String(answer.json().retryAfter))
}

t.test('a resend during the cooldown says how long to wait', async t => {
  const { loginAndReadCode, resend } = await startApp(t)
  saysWhen(t, await resend((await loginAndReadCode()).challengeToken), 429, 'resend-too-soon')
})

t.test('a login with the hashing queue full says when to retry', async t => {
  // The queue is full from the start.
  const { login } = await startApp(t, { argon2: { concurrency: 1, queue: -1 }, withoutUsers: true })
  saysWhen(t, await login(), 503, 'busy')
})

t.test('a login whose message fails at Twilio says when to retry', async t => {
  const { login, twilio } = await startApp(t)
  twilio.next(reject(500, 20500))
  saysWhen(t, await login(), 503, 'sms-unavailable')
})

t.test('an unready instance says when to check it again', async t => {
  // Nothing listens on port 1.
  const nowhere = await openDatabase('postgresql://postgres@127.0.0.1:1/none')
  t.teardown(nowhere.close)
  const { app } = await startApp(t, {
    database: { ...nowhere, url: undefined },
    withoutUsers: true
  })
  saysWhen(t, await app.inject('/readyz'), 503, 'not-ready')
})

import type { LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { slugOf, startApp } from '../support/start-app.ts'
import { reject } from '../support/twilio-stand-in.ts'

/** Asserts that a response is this problem, with the same seconds in Retry-After and the body. */
function assertRetryAfter(t: Test, response: LightMyRequestResponse, status: number, slug: string) {
  t.equal(response.statusCode, status)
  t.equal(slugOf(response), slug)
  t.match(response.headers['retry-after'], /^[1-9]\d*$/)
  t.equal(response.headers['retry-after'], String(response.json().retryAfter))
}

t.test('a resend during the cooldown says how long to wait', async t => {
  const { loginAndReadCode, resend } = await startApp(t)
  assertRetryAfter(
    t,
    await resend((await loginAndReadCode()).challengeToken),
    429,
    'resend-too-soon'
  )
})

t.test('a login with the hashing queue full says when to retry', async t => {
  // The queue is full from the start.
  const { login } = await startApp(t, { argon2: { concurrency: 1, queue: -1 }, withoutUsers: true })
  assertRetryAfter(t, await login(), 503, 'busy')
})

t.test('a login whose message fails at Twilio says when to retry', async t => {
  const { login, twilio } = await startApp(t)
  twilio.failNext(reject(500, 20500))
  assertRetryAfter(t, await login(), 503, 'sms-unavailable')
})

t.test('an unready instance says when to check it again', async t => {
  // Nothing listens on port 1.
  const nowhere = await openDatabase('postgresql://postgres@127.0.0.1:1/none')
  t.teardown(nowhere.close)
  const { app } = await startApp(t, {
    database: { ...nowhere, url: undefined },
    withoutUsers: true
  })
  assertRetryAfter(t, await app.inject('/readyz'), 503, 'not-ready')
})

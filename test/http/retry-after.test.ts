import type { LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { openDatabase } from '../../src/adapters/database.ts'
import { slugOf, start } from '../support/start.ts'
import { reject } from '../support/twilio-stand-in.ts'

/** It is this problem, and tells in whole seconds when to ask again, in the header and in the body alike. */
function tellsWhen (t: Test, answer: LightMyRequestResponse, status: number, slug: string) {
  t.equal(answer.statusCode, status)
  t.equal(slugOf(answer), slug)
  t.match(answer.headers['retry-after'], /^[1-9]\d*$/)
  t.equal(answer.headers['retry-after'], String(answer.json().retryAfter))
}

t.test('whoever has to wait for another code is told how long', async t => {
  const { challenge, resend } = await start(t)
  tellsWhen(t, await resend((await challenge()).challengeToken), 429, 'resend-too-soon')
})

t.test('whoever comes when all places are taken is told when to come again', async t => {
  // One place, and it is taken.
  const { login } = await start(t, { argon2: { concurrency: 1, queue: -1 }, withoutUsers: true })
  tellsWhen(t, await login(), 503, 'busy')
})

t.test('whoever gets no text because Twilio fails is told when to try again', async t => {
  const { login, twilio } = await start(t)
  twilio.next(reject(500, 20500))
  tellsWhen(t, await login(), 503, 'sms-unavailable')
})

t.test('a load balancer is told when to ask an unready instance again', async t => {
  // Port 1: nobody listens there.
  const nowhere = await openDatabase('postgresql://postgres@127.0.0.1:1/none')
  t.teardown(nowhere.close)
  const { app } = await start(t, { database: { ...nowhere, url: undefined }, withoutUsers: true })
  tellsWhen(t, await app.inject('/readyz'), 503, 'not-ready')
})

import t, { type Test } from 'tap'
import twilioSdk from 'twilio'
import { slugOf, startApp, type StartOptions } from '../support/start-app.ts'
import {
  signatureOf,
  statusCallback,
  twilioAccount,
  type CallbackChange
} from '../support/twilio-stand-in.ts'

const publicUrl = 'https://login.example'

/** Starts the service and sends a message, whose callbacks the tests forge. */
async function start(t: Test, options: StartOptions = {}) {
  const app = await startApp(t, { publicUrl, ...options })
  const { challengeToken } = (await app.login()).json()
  const [message] = app.twilio.messages
  if (message === undefined) throw new Error('no message was sent')
  const state = () =>
    Promise.all([app.prisma.challenge.findMany(), app.prisma.rateLimit.findMany()])
  const genuine = statusCallback(message, 'undelivered', { errorCode: 30006 })
  return { ...app, challengeToken, message, state, genuine }
}

t.test("the stand-in signs as Twilio's own library does", async t => {
  const form = { MessageStatus: 'sent', Body: 'ÄÖ ü', A: '', b: '1', B: '2' }
  for (const url of [`${publicUrl}/twilio/status/x`, 'http://127.0.0.1:3000/a?b=c'])
    t.equal(
      signatureOf(twilioAccount.authToken, url, form),
      twilioSdk.getExpectedTwilioSignature(twilioAccount.authToken, url, form)
    )
})

t.test('a forged callback is refused and changes nothing', async t => {
  const { callBack, state, message, twilio } = await start(t)
  const url = message.statusCallback ?? ''
  const forgeries: Record<string, CallbackChange> = {
    'signed with another token': { authToken: '0'.repeat(32) },
    'signed with an empty token': { authToken: '' },
    'signed for http': { url: url.replace('https:', 'http:') },
    'signed for another host': { url: url.replace('login.example', 'evil.example') },
    'signed for another path': { url: url.replace('/status/', '/calls/') },
    'signed for a query': { url: `${url}?a=b` },
    'signed with a fragment': { url: `${url}#rc=3` },
    'signed for another message': { url: `${url.slice(0, -22)}${'x'.repeat(22)}` }
  }
  const before = await state()
  for (const [forgery, change] of Object.entries(forgeries)) {
    const { headers, payload } = statusCallback(message, 'undelivered', {
      errorCode: 30006,
      ...change
    })
    const response = await callBack({ url, headers, payload })
    t.equal(response.statusCode, 403, forgery)
    t.equal(slugOf(response), 'invalid-signature', forgery)
  }
  for (const field of ['MessageStatus', 'ErrorCode', 'To', 'MessageSid', 'AccountSid', 'New']) {
    const change = { errorCode: 30003, tampered: { [field]: 'delivered' } }
    const response = await callBack(statusCallback(message, 'undelivered', change))
    t.equal(slugOf(response), 'invalid-signature', `a changed ${field}`)
  }
  t.same(await state(), before)
  t.equal(twilio.messages.length, 1)
})

t.test('a callback without exactly one signature is refused', async t => {
  const { app, genuine, state, message } = await start(t)
  const before = await state()
  const { 'x-twilio-signature': signature = '', ...unsigned } = genuine.headers
  for (const signatures of [[], '', 'x', [signature, signature], `${signature}, ${signature}`]) {
    const response = await app.inject({
      method: 'POST',
      url: new URL(message.statusCallback ?? '').pathname,
      headers: { ...unsigned, ...(signatures.length > 0 && { 'x-twilio-signature': signatures }) },
      payload: genuine.payload
    })
    t.equal(slugOf(response), 'invalid-signature', String(signatures))
  }
  t.same(await state(), before)
})

t.test('a signature is not accepted for another message', async t => {
  const { callBack, genuine, login, state, twilio, wait } = await start(t)
  wait(31)
  await login()
  const before = await state()
  const url = twilio.messages[1]?.statusCallback ?? ''
  t.equal(slugOf(await callBack({ ...genuine, url })), 'invalid-signature')
  t.same(await state(), before)
})

t.test('a replayed genuine callback changes nothing', async t => {
  const { callBack, genuine, resend, challengeToken, state, message, wait } = await start(t)
  const delivered = statusCallback(message, 'delivered')
  await callBack(delivered)
  await callBack(genuine)
  const [[challenge]] = await state()
  t.equal(challenge?.delivery, 'delivered')
  wait(61)
  await resend(challengeToken)
  const before = await state()
  for (const callback of [genuine, delivered])
    for (let n = 0; n < 5; n++) t.equal((await callBack(callback)).statusCode, 204)
  t.same(await state(), before)
})

t.test('a genuine callback for an unknown message is accepted and changes nothing', async t => {
  const { callBack, state, message } = await start(t)
  const before = await state()
  for (const id of ['x'.repeat(22), '-'.repeat(22), '0'.repeat(22)]) {
    const url = `${publicUrl}/twilio/status/${id}`
    for (const status of ['sent', 'undelivered', 'delivered'])
      t.equal((await callBack(statusCallback(message, status, { url }))).statusCode, 204)
  }
  t.same(await state(), before)
})

t.test('a hundred concurrent callbacks with different statuses have one result', async t => {
  const { callBack, logged, state, message } = await start(t)
  const statuses = ['queued', 'sent', 'undelivered', 'failed', 'delivered']
  const responses = await Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      callBack(statusCallback(message, statuses[n % 5] ?? '', { errorCode: 30006 }))
    )
  )
  t.same([...new Set(responses.map(({ statusCode }) => statusCode))], [204])
  const [[challenge], limits] = await state()
  t.match(challenge, { delivery: 'delivered', deliveryReason: null })
  t.same(limits, [], 'the number is not marked')
  const count = (name: string) => logged.filter(line => JSON.parse(line).event === name).length
  t.equal(count('code.delivered'), 1)
  t.ok(count('code.undelivered') <= 1)
})

t.test('no malformed body or path causes an internal error or is accepted', async t => {
  const { app, genuine, state, message } = await start(t)
  const before = await state()
  const path = new URL(message.statusCallback ?? '').pathname
  const many = Array.from({ length: 2000 }, (_, n) => `f${n}=1`).join('&')
  const form = 'application/x-www-form-urlencoded'
  const bodies: [string, string | undefined][] = [
    [form, ''],
    [form, '%'],
    [form, '%ff=%fe&%00=\0'],
    [form, '&&&==='],
    [form, '__proto__=1&constructor=2&toString=3&MessageStatus=delivered'],
    [form, 'MessageStatus=delivered&MessageStatus=delivered'],
    [form, 'MessageStatus[]=delivered&MessageStatus[a]=b'],
    [form, many],
    [form, 'a'.repeat(16_000)],
    [form, 'x=1&'.repeat(4000)],
    [form, '\ud800=\udfff'],
    [form, '{"MessageStatus":"delivered"}'],
    [`${form}; charset=utf-16`, genuine.payload.slice(1)],
    ['application/json', '{"MessageStatus":"delivered"}'],
    ['application/json', '{"__proto__":{"MessageStatus":"delivered"}}'],
    ['multipart/form-data; boundary=x', '--x--'],
    ['text/plain', genuine.payload],
    ['', genuine.payload]
  ]
  for (const [type, payload] of bodies) {
    const response = await app.inject({
      method: 'POST',
      url: path,
      headers: { ...genuine.headers, 'content-type': type },
      ...(payload !== undefined && { payload })
    })
    t.ok([403, 413, 415].includes(response.statusCode), `${response.statusCode} ${type} ${payload}`)
  }
  const large = await app.inject({
    method: 'POST',
    url: path,
    headers: genuine.headers,
    payload: 'a'.repeat(20_000)
  })
  t.equal(slugOf(large), 'payload-too-large')
  for (const id of ['x', '..', '%2e%2e', '%00', '%ff', 'a%2fb', '%', 'ä', '?', 'x'.repeat(500)]) {
    const { statusCode } = await app.inject({
      method: 'POST',
      url: `/twilio/status/${id}`,
      headers: genuine.headers,
      payload: genuine.payload
    })
    t.ok([403, 404].includes(statusCode), `${statusCode} ${id}`)
  }
  t.same(await state(), before)
})

t.test('other routes still refuse forms', async t => {
  const { app } = await start(t)
  for (const url of ['/login', '/resend', '/verify']) {
    const response = await app.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: 'username=ada&password=x'
    })
    t.equal(slugOf(response), 'unsupported-media-type', url)
  }
})

t.test('callbacks have no rate limit and do not use up the limit of a client', async t => {
  const { callBack, genuine, login, state, message } = await start(t, { limits: { requests: 3 } })
  const forged = { ...genuine, headers: { ...genuine.headers, 'x-twilio-signature': 'x' } }
  const [, before] = await state()
  for (let n = 0; n < 20; n++) {
    t.equal((await callBack(forged)).statusCode, 403)
    t.equal((await callBack(statusCallback(message, 'sent'))).statusCode, 204)
  }
  const [, after] = await state()
  t.same(after, before)
  t.equal((await login()).statusCode, 200)
})

t.test('a page cannot send callbacks, even from an allowed origin', async t => {
  const origin = 'https://app.example'
  const { app, genuine, message } = await start(t, { corsOrigins: [origin] })
  const url = new URL(message.statusCallback ?? '').pathname
  const preflight = await app.inject({
    method: 'OPTIONS',
    url,
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'x-twilio-signature'
    }
  })
  t.equal(slugOf(preflight), 'method-not-allowed')
  const response = await app.inject({
    method: 'POST',
    url,
    headers: { ...genuine.headers, origin },
    payload: genuine.payload
  })
  t.equal(response.statusCode, 204)
  for (const { headers } of [preflight, response])
    t.same(
      Object.keys(headers).filter(name => name.startsWith('access-control-')),
      []
    )
})

import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import t from 'tap'
import type { Test } from 'tap'
import { twilioSms } from '../../src/adapters/twilio-sms.ts'
import type { TwilioSettings } from '../../src/adapters/twilio-sms.ts'
import { answerLate, answerNothing, createTwilioStandIn, deliverButFail, deliverButReset, garbage, hang, redirect, reject, reset, startTwilioStandIn, takeButGiveUp, trickle, twilioAccount } from '../support/twilio-stand-in.ts'
import type { Failure } from '../support/twilio-stand-in.ts'

const text = { to: '+15551234506', body: '907214 is your code — don’t share it', validFor: 300 }

const secrets = [
  twilioAccount.authToken,
  btoa(`${twilioAccount.accountSid}:${twilioAccount.authToken}`),
  '907214',
  'share it',
  '5551234506'
]

type Line = { level: string, fields: Record<string, unknown>, message: string }

async function start (t: Test, overrides: Partial<TwilioSettings> = {}) {
  const standIn = await startTwilioStandIn(t)
  const lines: Line[] = []
  const record = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields: { ...fields }, message })
  }
  const settings = { ...twilioAccount, sender: { from: '+15005550006' }, baseUrl: standIn.baseUrl, timeoutMs: 5_000 }
  const sms = twilioSms({ ...settings, ...overrides }, { warn: record('warn'), error: record('error') })
  return { standIn, sms, lines, send: () => sms.send(text) }
}

t.test('a text goes out as exactly one request with nothing but the promised parameters', async t => {
  const { standIn, sms, lines } = await start(t)
  await sms.send(text)
  t.strictSame(standIn.requests, [{ To: text.to, Body: text.body, From: '+15005550006', ValidityPeriod: '300' }])
  t.strictSame(standIn.texts, [{ to: text.to, body: text.body, validityPeriod: 300 }])
  t.equal(standIn.lastCode(), '907214')
  t.equal(standIn.counts.requests, 1)
  t.strictSame(lines, [])
})

t.test('a messaging service takes the place of a number', async t => {
  const messagingServiceSid = `MG${'0'.repeat(32)}`
  const { standIn, sms } = await start(t, { sender: { messagingServiceSid } })
  await sms.send(text)
  t.strictSame(standIn.requests, [{ To: text.to, Body: text.body, MessagingServiceSid: messagingServiceSid, ValidityPeriod: '300' }])
})

t.test('Twilio may never hold a text longer than its code lives, nor than Twilio can', async t => {
  const { standIn, sms } = await start(t)
  await sms.send({ ...text, validFor: 299.9 })
  await sms.send({ ...text, validFor: 86_400 })
  t.strictSame(standIn.texts.map(({ validityPeriod }) => validityPeriod), [299, 36_000])
})

const credentials = { outcome: 'rejected', level: 'error', reason: 'credentials' }
const throttled = { outcome: 'rejected', level: 'error', reason: 'throttled' }
const outage = { outcome: 'unknown', level: 'error', reason: 'outage' }
const rejected = { outcome: 'rejected', level: 'error', reason: 'rejected' }
const failed = { outcome: 'rejected', level: 'error', reason: 'failed' }
const unreadable = { outcome: 'unknown', level: 'error', reason: 'unreadable' }
const timeout = { outcome: 'unknown', level: 'error', reason: 'timeout' }
const unreachable = { outcome: 'unknown', level: 'error', reason: 'unreachable' }
const undeliverable = { outcome: 'undeliverable', level: 'warn' }

type Case = {
  when: string
  failure: Failure
  outcome: string
  level: string
  reason: string
  status?: number
  code?: number
  /** How often the text was taken all the same. */
  delivered?: number
  timeoutMs?: number
}

const failures: Case[] = [
  { when: 'Twilio calls the number invalid', failure: reject(400, 21211), status: 400, code: 21211, ...undeliverable, reason: 'invalid' },
  { when: 'the number is a short code', failure: reject(400, 21265), status: 400, code: 21265, ...undeliverable, reason: 'shortcode' },
  { when: 'the number is our own sender', failure: reject(400, 21266), status: 400, code: 21266, ...undeliverable, reason: 'sender' },
  { when: 'the number is premium rate', failure: reject(400, 21268), status: 400, code: 21268, ...undeliverable, reason: 'premium' },
  { when: 'the number is in a region not permitted', failure: reject(403, 21408), status: 403, code: 21408, ...undeliverable, reason: 'region' },
  { when: 'a trial account has not verified the number', failure: reject(400, 21608), status: 400, code: 21608, ...undeliverable, reason: 'unverified' },
  { when: 'the recipient once answered STOP', failure: reject(400, 21610), status: 400, code: 21610, ...undeliverable, reason: 'unsubscribed' },
  { when: 'no route leads to the number', failure: reject(400, 21612), status: 400, code: 21612, ...undeliverable, reason: 'unroutable' },
  { when: 'the number is no mobile number', failure: reject(400, 21614), status: 400, code: 21614, ...undeliverable, reason: 'incapable' },
  { when: 'the number is a landline', failure: reject(400, 21635), status: 400, code: 21635, ...undeliverable, reason: 'landline' },
  { when: 'the message fails at once because of its number', failure: takeButGiveUp(21610), code: 21610, ...undeliverable, reason: 'unsubscribed' },
  { when: 'the message fails at once for another reason', failure: takeButGiveUp(30001), code: 30001, ...failed },
  { when: 'the credentials are wrong', failure: reject(401, 20003), status: 401, code: 20003, ...credentials },
  { when: 'the account may not send', failure: reject(403, 20003), status: 403, code: 20003, ...credentials },
  { when: 'there are too many requests', failure: reject(429, 20429), status: 429, code: 20429, ...throttled },
  { when: 'the sender is no number of ours', failure: reject(400, 21659), status: 400, code: 21659, ...rejected },
  { when: 'Twilio has a code nobody knows yet', failure: reject(400, 29999), status: 400, code: 29999, ...rejected },
  { when: 'Twilio is down', failure: reject(503, 20503), status: 503, code: 20503, ...outage },
  { when: 'Twilio delivers but answers 500', failure: deliverButFail(500), status: 500, delivered: 1, ...outage },
  { when: 'Twilio delivers but hangs up', failure: deliverButReset(), delivered: 1, ...unreachable },
  { when: 'Twilio hangs up', failure: reset(), ...unreachable },
  { when: 'Twilio never answers', failure: hang(), timeoutMs: 200, ...timeout },
  { when: 'Twilio trickles its answer', failure: trickle(), timeoutMs: 200, ...timeout },
  { when: 'Twilio answers too late', failure: answerLate(30_000), timeoutMs: 200, delivered: 1, ...timeout },
  { when: 'Twilio redirects', failure: redirect(), status: 307, reason: 'redirect', outcome: 'rejected', level: 'error' },
  { when: 'a success is not JSON', failure: garbage(), ...unreadable },
  { when: 'a success is JSON but no message', failure: answerNothing(), ...unreadable },
  { when: 'a success is JSON null', failure: answerNothing('null'), ...unreadable }
]

for (const { when, failure, outcome, level, reason, status, code, timeoutMs = 5_000, delivered = 0 } of failures) {
  t.test(`when ${when}, the text is ${outcome}, asked once, one ${level} line, no secret`, async t => {
    const { standIn, lines, send } = await start(t, { timeoutMs })
    standIn.next(failure)
    t.equal(await send(), outcome)
    t.equal(standIn.counts.requests, 1, 'never asked again: the first text may have been delivered')
    t.equal(standIn.texts.length, delivered)

    t.equal(lines.length, 1)
    const { durationMs, ...fields } = lines[0]?.fields ?? {}
    t.equal(lines[0]?.level, level)
    t.ok(Number.isInteger(durationMs))
    t.strictSame(fields, { event: 'sms.failed', provider: 'twilio', reason, status, twilioCode: code })

    for (const secret of secrets) t.notMatch(inspect(lines, { depth: Infinity, showHidden: true }), secret)
  })
}

t.test('the line about wrong credentials names the variables to check', async t => {
  const { standIn, lines, send } = await start(t)
  standIn.next(reject(401, 20003))
  await send()
  t.match(lines[0]?.message, /TWILIO_ACCOUNT_SID.*TWILIO_AUTH_TOKEN/)
})

t.test('a code that is no number stays out of the log', async t => {
  const { standIn, lines, send } = await start(t)
  standIn.next(({ reply }) => { reply.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ code: text.body })) })
  await send()
  t.equal(lines[0]?.fields.twilioCode, undefined)
  t.notMatch(inspect(lines, { depth: Infinity }), '907214')
})

t.test('nobody listening leaves the fate of the text unknown', async t => {
  const closed = await createTwilioStandIn()
  await closed.close()
  const { lines, send } = await start(t, { baseUrl: closed.baseUrl })
  t.equal(await send(), 'unknown')
  t.match(lines, [{ level: 'error', fields: { reason: 'unreachable' } }])
})

t.test('a failure does not spoil the next text', async t => {
  const { standIn, sms, send } = await start(t, { timeoutMs: 200 })
  standIn.next(hang(), reset(), trickle())
  for (let i = 0; i < 3; i++) t.equal(await send(), 'unknown')
  await sms.send(text)
  t.equal(standIn.texts.length, 1)
})

t.test('texts one after the other go over connections that stay open', async t => {
  const { standIn, sms } = await start(t)
  for (let i = 0; i < 9; i++) await sms.send(text)
  t.equal(standIn.texts.length, 9)
  // Two take turns when one is not quite done with its last answer.
  t.ok(standIn.counts.connections <= 2, `${standIn.counts.connections} connections`)
})

t.test('eighty texts at once all go out, over no more than fifty connections', async t => {
  const { standIn, sms } = await start(t)
  const numbers = Array.from({ length: 80 }, (_, i) => `+155512345${10 + i}`)
  await Promise.all(numbers.map(to => sms.send({ ...text, to })))
  t.strictSame(standIn.texts.map(({ to }) => to).sort(), numbers)
  t.ok(standIn.counts.connections <= 50, `${standIn.counts.connections} connections`)
})

t.test('texts waiting for a connection give up with those that hold it', async t => {
  const { standIn, send } = await start(t, { timeoutMs: 300 })
  // All hang: on a busy machine the last may get a connection which the first have just given back.
  standIn.next(...Array.from({ length: 60 }, hang))
  const outcomes = await Promise.all(Array.from({ length: 60 }, send))
  t.equal(outcomes.length, 60)
  for (const outcome of outcomes) t.equal(outcome, 'unknown')
  t.equal(standIn.texts.length, 0)
})

t.test('of an answer that never ends no more is read than an answer takes', async t => {
  const written: number[] = []
  const endless = createServer(socket => {
    socket.on('error', () => {}) // It is hung up on.
    socket.on('close', () => written.push(socket.bytesWritten))
    socket.once('data', () => {
      socket.write('HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n')
      const goOn = () => { while (socket.write(`10000\r\n${' '.repeat(0x10000)}\r\n`)); }
      socket.on('drain', goOn)
      goOn()
    })
  })
  await new Promise<void>(resolve => endless.listen(0, '127.0.0.1', resolve))
  t.teardown(() => endless.close())
  const { send } = await start(t, { baseUrl: `http://127.0.0.1:${(endless.address() as AddressInfo).port}` })
  t.equal(await send(), 'unknown')
  while (written.length === 0) await new Promise(resolve => setTimeout(resolve, 10))
  // What is on its way when the line is cut counts as well: a few megabytes.
  t.ok((written[0] ?? 0) < 32e6, `${written[0]} bytes`)
})

t.test('no variable meant for Twilio or a proxy diverts a text', async t => {
  const proxy = await listen(t)
  const target = await listen(t)
  const environment = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, TWILIO_EDGE: 'dublin', TWILIO_REGION: 'ie1' }
  Object.assign(process.env, environment)
  t.teardown(() => { for (const name of Object.keys(environment)) delete process.env[name] })

  // A name, because a host rewritten for an edge wouldn't be one if it began as an address.
  const { send } = await start(t, { baseUrl: target.url.replace('http://127.0.0.1', 'https://localhost') })
  await send() // the target speaks no TLS; being asked is enough
  t.equal(target.connections(), 1)
  t.equal(proxy.connections(), 0)
})

t.test('the stand-in notices what Twilio would refuse', async t => {
  const standIn = await createTwilioStandIn()
  t.teardown(standIn.close)
  const { accountSid, authToken } = twilioAccount
  const good = { To: text.to, Body: text.body, From: '+15005550006', ValidityPeriod: '300' }
  const authorization = `Basic ${btoa(`${accountSid}:${authToken}`)}`
  const url = `${standIn.baseUrl}/2010-04-01/Accounts/${accountSid}/Messages.json`
  const post = async (body: URLSearchParams | string, headers = {}, to = url) => (await fetch(to, { method: 'POST', body, headers: { authorization, ...headers } })).status
  const form = (overrides: object) => new URLSearchParams({ ...good, ...overrides })
  const without = (name: string) => { const some = form({}); some.delete(name); return some }

  t.equal(await post(form({}), { 'content-type': 'application/x-www-form-urlencoded' }), 201)
  t.strictSame(standIn.violations, [])

  const bad = { 'content-type': 'application/x-www-form-urlencoded' }
  t.equal(await post(form({}), bad, `${standIn.baseUrl}/elsewhere`), 404)
  t.equal(await post(form({}), { ...bad, authorization: 'Basic bm8=' }), 401)
  t.equal(await post(JSON.stringify(good), { 'content-type': 'application/json' }), 400)
  for (const body of [
    form({ To: '15551234506' }), form({ Body: ' ' }), form({ Body: 'x'.repeat(1601) }), form({ MessagingServiceSid: 'MG0' }), without('From'),
    form({ ValidityPeriod: '0' }), form({ ValidityPeriod: '36001' }), form({ ValidityPeriod: '1.5' }), without('ValidityPeriod'),
    form({ RiskCheck: 'disable' }), new URLSearchParams(`${form({})}&To=${encodeURIComponent(text.to)}`)
  ]) t.equal(await post(body, bad), 400, body.toString().slice(0, 200))
  t.equal(standIn.violations.length, 14)
  t.equal(standIn.texts.length, 1)
})

/** A port that counts who calls and hangs up. */
async function listen (t: Test) {
  let connections = 0
  const server = createServer(socket => {
    connections++
    socket.destroy()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections: () => connections }
}

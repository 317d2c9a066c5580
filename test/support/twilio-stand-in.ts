import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as readText } from 'node:stream/consumers'

/** The account every stand-in plays. Put together here so that no scanner takes it for somebody's. */
export const twilioAccount = { accountSid: 'AC' + '0a1b2c3d'.repeat(4), authToken: 'feedc0de'.repeat(4) }

/** A text that Twilio took, and so perhaps delivered. */
export type TakenText = { to: string, body: string, validityPeriod: number }

/** One sound request in the hands of a failure. */
export type Exchange = {
  reply: ServerResponse
  /** Puts the text in the outbox. */
  take: () => void
  /** Answers as if all were well, whether or not the text was taken. */
  succeed: (overrides?: object) => void
  fail: (status: number, code: number | null) => void
}
export type Failure = (exchange: Exchange) => void

/** Refused with one of Twilio's codes; nothing is delivered. */
export const reject = (status: number, code: number): Failure => ({ fail }) => fail(status, code)

/** The connection is accepted, the request read, and then: silence. */
export const hang = (): Failure => () => {}

/** The connection breaks without an answer. */
export const reset = (): Failure => ({ reply }) => reply.socket?.resetAndDestroy()

/** Sent elsewhere; whoever follows commits a violation, because nothing lives there. */
export const redirect = (): Failure => ({ reply }) => { reply.writeHead(307, { location: '/elsewhere' }).end() }

/** The text is taken at once, the answer comes `ms` later. */
export const answerLate = (ms: number): Failure => ({ take, succeed, reply }) => {
  take()
  const timer = setTimeout(succeed, ms)
  reply.on('close', () => clearTimeout(timer))
}

/** Failed but happened: the text is taken, the answer says otherwise. */
export const deliverButFail = (status: number): Failure => ({ take, fail }) => { take(); fail(status, null) }

/** Failed but happened: the text is taken, the connection breaks. */
export const deliverButReset = (): Failure => exchange => { exchange.take(); reset()(exchange) }

/** A success that isn't JSON. */
export const garbage = (): Failure => ({ reply }) => { reply.writeHead(201, { 'content-type': 'application/json' }).end('<html>') }

/** A success that is JSON but no message. */
export const answerNothing = (json = '{}'): Failure => ({ reply }) => { reply.writeHead(201, { 'content-type': 'application/json' }).end(json) }

/** A message that has failed by the time it is answered. */
export const takeButGiveUp = (code: number): Failure => ({ succeed }) => succeed({ status: 'failed', error_code: code })

/** A success that never ends, a byte at a time: no pause is long enough for an idle timeout. */
export const trickle = (): Failure => ({ reply }) => {
  reply.writeHead(201, { 'content-type': 'application/json' })
  const timer = setInterval(() => reply.write(' '), 10)
  reply.on('close', () => clearInterval(timer))
}

/**
 * Plays Twilio's Messages API on a loopback port, checks every request against Twilio's contract and keeps the texts.
 * `GET /outbox?to=+1…` answers with the newest text to a number, for those in another process.
 */
export async function createTwilioStandIn ({ port = 0, onText = (_text: TakenText) => {} } = {}) {
  const requests: Record<string, string>[] = []
  const texts: TakenText[] = []
  const newest = new Map<string, TakenText>()
  const violations: string[] = []
  const failures: Failure[] = []
  const counts = { connections: 0, requests: 0 }

  const server = createServer(async (request, reply) => {
    if (request.method === 'GET' && request.url?.startsWith('/outbox?to=')) {
      const found = newest.get(decodeURIComponent(request.url.slice('/outbox?to='.length)))
      return json(reply, found === undefined ? 404 : 200, found ?? {})
    }
    counts.requests++
    const sent = await readText(request).catch(() => undefined)
    if (sent === undefined) return // the caller hung up in the middle of its request
    const form = new URLSearchParams(sent)
    const violation = brokenRule(request, form)
    if (violation !== undefined) {
      violations.push(violation.rule)
      return json(reply, violation.status, problem(violation.status, violation.code, form))
    }
    const text = { to: form.get('To') ?? '', body: form.get('Body') ?? '', validityPeriod: Number(form.get('ValidityPeriod')) }
    const take = () => { texts.push(text); newest.set(text.to, text); onText(text) }
    const succeed = (overrides = {}) => json(reply, 201, { ...message(form), ...overrides })
    const fail = (status: number, code: number | null) => json(reply, status, problem(status, code, form))
    requests.push(Object.fromEntries(form))
    const failure = failures.shift()
    if (failure !== undefined) return failure({ reply, take, succeed, fail })
    take()
    succeed()
  })
  server.on('connection', () => counts.connections++)
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))

  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** What was taken, oldest first. */
    texts,
    textsTo: (phone: string) => texts.filter(({ to }) => to === phone),
    /** The digits in the newest text. */
    lastCode () {
      const code = /\b\d{6,8}\b/.exec(texts.at(-1)?.body ?? '')?.[0]
      if (code === undefined) throw new Error('no text with a code was taken')
      return code
    },
    /** Each failure is suffered by one of the next sound requests, in order. */
    next: (...more: Failure[]) => { failures.push(...more) },
    /** The parameters of each sound request. */
    requests,
    violations,
    counts,
    close: () => new Promise<void>(resolve => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }
}

/** A stand-in for one test, which fails if a request broke Twilio's contract. */
export async function startTwilioStandIn (t: { teardown: (cleanUp: () => Promise<void>) => void }) {
  const standIn = await createTwilioStandIn()
  t.teardown(async () => {
    await standIn.close()
    if (standIn.violations.length > 0) throw new Error(`Twilio's contract was broken: ${standIn.violations.join('; ')}`)
  })
  return standIn
}

const parameters = new Set(['To', 'Body', 'From', 'MessagingServiceSid', 'ValidityPeriod'])

/** What Twilio, or our own promise, would object to, with the answer Twilio gives. */
function brokenRule ({ method, url, headers }: IncomingMessage, form: URLSearchParams) {
  const { accountSid, authToken } = twilioAccount
  const broken = (rule: string, code: number, status = 400) => ({ rule, code, status })
  if (method !== 'POST' || url !== `/2010-04-01/Accounts/${accountSid}/Messages.json`) return broken(`${method} ${url} is no resource`, 20404, 404)
  if (headers.authorization !== `Basic ${btoa(`${accountSid}:${authToken}`)}`) return broken('wrong credentials', 20003, 401)
  if (headers['content-type'] !== 'application/x-www-form-urlencoded') return broken(`content type ${headers['content-type']}`, 20001)

  const names = [...form.keys()]
  if (new Set(names).size < names.length) return broken('a parameter is repeated', 20001)
  // RiskCheck=disable would switch off Twilio's protection against SMS pumping: like any other parameter we never send.
  const stranger = names.find(name => !parameters.has(name))
  if (stranger !== undefined) return broken(`unexpected parameter ${stranger}`, 20001)

  if (!/^\+[1-9]\d{6,14}$/.test(form.get('To') ?? '')) return broken('To is not E.164', 21211)
  if (form.has('From') === form.has('MessagingServiceSid')) return broken('not exactly one of From and MessagingServiceSid', 21603)
  const body = form.get('Body') ?? ''
  if (body.trim() === '') return broken('Body is empty', 21602)
  if (body.length > 1600) return broken('Body is over 1600 characters', 21617)
  const validity = form.get('ValidityPeriod') ?? ''
  if (!/^[1-9]\d*$/.test(validity) || Number(validity) > 36_000) return broken('ValidityPeriod is not within 1 and 36000', 21624)
  return undefined
}

function json (reply: ServerResponse, status: number, body: object) {
  reply.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** Twilio's error resource; its message repeats what came in, as many of Twilio's do. Without a code it is a bare 5xx. */
const problem = (status: number, code: number | null, form: URLSearchParams) => code === null
  ? { message: 'Internal Server Error', status }
  : { code, message: `Error ${code} with ${form}`, more_info: `https://www.twilio.com/docs/errors/${code}`, status }

let messages = 0

/** Twilio's Message resource as it looks just after it was created. */
function message (form: URLSearchParams) {
  const sid = `SM${(++messages).toString(16).padStart(32, '0')}`
  const uri = `/2010-04-01/Accounts/${twilioAccount.accountSid}/Messages/${sid}`
  const now = new Date().toUTCString().replace('GMT', '+0000')
  return {
    sid,
    account_sid: twilioAccount.accountSid,
    messaging_service_sid: form.get('MessagingServiceSid'),
    api_version: '2010-04-01',
    to: form.get('To'),
    from: form.get('From'),
    body: form.get('Body'),
    status: form.has('MessagingServiceSid') ? 'accepted' : 'queued',
    direction: 'outbound-api',
    num_segments: form.has('MessagingServiceSid') ? '0' : '1',
    num_media: '0',
    price: null,
    price_unit: 'USD',
    error_code: null,
    error_message: null,
    date_created: now,
    date_updated: now,
    date_sent: null,
    uri: `${uri}.json`,
    subresource_uris: { media: `${uri}/Media.json` }
  }
}

// Alone, for trying by hand: npx tsx test/support/twilio-stand-in.ts [port]
if (process.argv[1] === import.meta.filename) {
  const standIn = await createTwilioStandIn({
    port: Number(process.argv[2] ?? 0),
    onText: ({ to, body }) => console.log(`\n${to}: ${body}`)
  })
  console.log(`TWILIO_BASE_URL=${standIn.baseUrl}
TWILIO_ACCOUNT_SID=${twilioAccount.accountSid}
TWILIO_AUTH_TOKEN=${twilioAccount.authToken}
TWILIO_FROM=+15005550006`)
}

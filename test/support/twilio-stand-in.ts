import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import { SegmentedMessage } from 'sms-segments-calculator'
import { isMain } from '../../src/commands/is-main.ts'

/** The account of every stand-in. It is concatenated so that no secret scanner reports it. */
export const twilioAccount = {
  accountSid: 'AC' + '0a1b2c3d'.repeat(4),
  authToken: 'feedc0de'.repeat(4)
}

/** A message that Twilio accepted and may have delivered. */
export type AcceptedMessage = {
  sid: string
  from: string
  to: string
  body: string
  validityPeriod: number
  /** Where its status is reported, if anywhere. */
  statusCallback: string | null
  /** Whether the client has promised feedback. */
  providesFeedback: boolean
}

/** A request that reports the status of a message. */
export type StatusCallback = { url: string; headers: Record<string, string>; payload: string }

/** How a status callback differs from a genuine one, or from the usual one. */
export type CallbackChange = {
  errorCode?: number
  /** Fields in addition to the usual ones, or instead of them. */
  fields?: Record<string, string>
  /** The secret that signs it. */
  authToken?: string
  /** The URL that is signed and requested. */
  url?: string
  /** Fields that are changed after the signature. */
  tampered?: Record<string, string>
}

/**
 * The status callback of a message as Twilio sends it.
 * https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks
 */
export function statusCallback(
  { sid, from, to, statusCallback }: AcceptedMessage,
  status: string,
  { errorCode, fields, authToken = twilioAccount.authToken, url, tampered }: CallbackChange = {}
): StatusCallback {
  const target = url ?? statusCallback
  if (target === null) throw new Error('no status callback was requested')
  const form = {
    AccountSid: twilioAccount.accountSid,
    ApiVersion: '2010-04-01',
    From: from,
    MessageSid: sid,
    MessageStatus: status,
    SmsSid: sid,
    SmsStatus: status,
    To: to,
    ...(errorCode !== undefined && { ErrorCode: String(errorCode) }),
    ...fields
  }
  return {
    url: target,
    headers: {
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
      'x-twilio-signature': signatureOf(authToken, target, form),
      'i-twilio-idempotency-token': `${sid}-${status}`,
      'user-agent': 'TwilioProxy/1.1'
    },
    payload: new URLSearchParams({ ...form, ...tampered }).toString()
  }
}

/**
 * Twilio's signature of a form: the URL and then each field's name and value, sorted by name.
 * https://www.twilio.com/docs/usage/webhooks/webhooks-security
 */
export const signatureOf = (authToken: string, url: string, form: Record<string, string>) =>
  createHmac('sha1', authToken)
    .update(url + Object.entries(form).sort().flat().join(''))
    .digest('base64')

/** A valid request and the possible responses of a failure. */
type Exchange = {
  reply: ServerResponse
  /** Stores the message. */
  accept: () => void
  /** Responds with success, whether or not the message was accepted. */
  succeed: (overrides?: object) => void
  fail: (status: number, code: number | null) => void
}
export type Failure = (exchange: Exchange) => void

/** Refuses with one of Twilio's error codes and delivers nothing. */
export const reject =
  (status: number, code: number): Failure =>
  ({ fail }) =>
    fail(status, code)

/** Reads the request and never responds. */
export const hang = (): Failure => () => {}

/** Resets the connection without a response. */
export const reset =
  (): Failure =>
  ({ reply }) =>
    reply.socket?.resetAndDestroy()

/** Redirects to a path that counts as a violation when it is requested. */
export const redirect =
  (): Failure =>
  ({ reply }) => {
    reply.writeHead(307, { location: '/elsewhere' }).end()
  }

/** Accepts the message at once and responds `ms` later. */
export const respondLate =
  (ms: number): Failure =>
  ({ accept, succeed, reply }) => {
    accept()
    const timer = setTimeout(succeed, ms)
    reply.on('close', () => clearTimeout(timer))
  }

/** Accepts the message and responds with an error. */
export const acceptThenFail =
  (status: number): Failure =>
  ({ accept, fail }) => {
    accept()
    fail(status, null)
  }

/** Accepts the message and resets the connection. */
export const acceptThenReset = (): Failure => exchange => {
  exchange.accept()
  reset()(exchange)
}

/** Responds with success and a body that isn't JSON. */
export const respondMalformed =
  (): Failure =>
  ({ reply }) => {
    reply.writeHead(201, { 'content-type': 'application/json' }).end('<html>')
  }

/** Responds with success and JSON without a message. */
export const respondWithoutMessage =
  (json = '{}'): Failure =>
  ({ reply }) => {
    reply.writeHead(201, { 'content-type': 'application/json' }).end(json)
  }

/** Responds with a message that has already failed. */
export const respondFailed =
  (code: number): Failure =>
  ({ succeed }) =>
    succeed({ status: 'failed', error_code: code })

/** Responds with success and an endless body, one byte at a time, so that it is never idle. */
export const trickle =
  (): Failure =>
  ({ reply }) => {
    reply.writeHead(201, { 'content-type': 'application/json' })
    const timer = setInterval(() => reply.write(' '), 10)
    reply.on('close', () => clearInterval(timer))
  }

/**
 * A stand-in for Twilio's Messages API on a loopback port. It checks every request against Twilio's
 * contract and stores the messages. `GET /outbox?to=+1…` returns the newest message to a number,
 * for other processes.
 */
export async function createTwilioStandIn({
  port = 0,
  onMessage = (_message: AcceptedMessage) => {}
} = {}) {
  const requests: Record<string, string>[] = []
  const messages: AcceptedMessage[] = []
  const newest = new Map<string, AcceptedMessage>()
  /** The SIDs of the messages whose codes were entered, as the client said. */
  const feedback: string[] = []
  const violations: string[] = []
  const failures: Failure[] = []
  const counts = { connections: 0, requests: 0 }

  const respond = async (request: IncomingMessage, reply: ServerResponse) => {
    if (request.method === 'GET' && request.url?.startsWith('/outbox?to=')) {
      const found = newest.get(decodeURIComponent(request.url.slice('/outbox?to='.length)))
      return json(reply, found === undefined ? 404 : 200, found ?? {})
    }
    counts.requests++
    const sent = await readText(request).catch(() => undefined)
    if (sent === undefined) return // The client disconnected during its request.
    const form = new URLSearchParams(sent)
    const about = messages.find(({ sid }) => request.url === feedbackPath(sid))
    const violation =
      about === undefined ? brokenRule(request, form) : brokenFeedbackRule(request, form, about)
    if (violation !== undefined) {
      violations.push(violation.rule)
      return json(reply, violation.status, problem(violation.status, violation.code, form))
    }
    const finish = (resource: object, accept: () => void) => {
      const succeed = (overrides = {}) => json(reply, 201, { ...resource, ...overrides })
      const fail = (status: number, code: number | null) =>
        json(reply, status, problem(status, code, form))
      const failure = failures.shift()
      if (failure !== undefined) return failure({ reply, accept, succeed, fail })
      accept()
      succeed()
    }
    if (about !== undefined) {
      feedback.push(about.sid)
      return finish({ message_sid: about.sid, outcome: form.get('Outcome') }, () => {})
    }
    requests.push(Object.fromEntries(form))
    const resource = message(form)
    finish(resource, () => {
      const accepted = {
        sid: resource.sid,
        from: form.get('From') ?? '',
        to: form.get('To') ?? '',
        body: form.get('Body') ?? '',
        validityPeriod: Number(form.get('ValidityPeriod')),
        statusCallback: form.get('StatusCallback'),
        providesFeedback: form.get('ProvideFeedback') === 'true'
      }
      messages.push(accepted)
      newest.set(accepted.to, accepted)
      onMessage(accepted)
    })
  }
  const server = createServer((request, reply) => {
    void respond(request, reply)
  })
  server.on('connection', () => counts.connections++)
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))

  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The accepted messages, oldest first. */
    messages,
    messagesTo: (phone: string) => messages.filter(({ to }) => to === phone),
    /** The code in the newest message. */
    lastCode() {
      const code = /\b\d{6,8}\b/.exec(messages.at(-1)?.body ?? '')?.[0]
      if (code === undefined) throw new Error('no message with a code was accepted')
      return code
    },
    /** Applies each failure to one of the next valid requests, in order. */
    failNext: (...more: Failure[]) => {
      failures.push(...more)
    },
    /** The parameters of each valid request. */
    requests,
    feedback,
    violations,
    counts,
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

/** Starts a stand-in for one test, which fails if a request breaks Twilio's contract. */
export async function startTwilioStandIn(t: { teardown: (cleanUp: () => Promise<void>) => void }) {
  const standIn = await createTwilioStandIn()
  t.teardown(async () => {
    await standIn.close()
    if (standIn.violations.length > 0)
      throw new Error(`Twilio's contract was broken: ${standIn.violations.join('; ')}`)
  })
  return standIn
}

const parameters = new Set([
  'To',
  'Body',
  'From',
  'MessagingServiceSid',
  'ValidityPeriod',
  'StatusCallback',
  'ProvideFeedback'
])

const feedbackPath = (sid: string) =>
  `/2010-04-01/Accounts/${twilioAccount.accountSid}/Messages/${sid}/Feedback.json`

/** The first rule that a request with feedback on a message breaks, with Twilio's error. */
function brokenFeedbackRule(
  request: IncomingMessage,
  form: URLSearchParams,
  { providesFeedback }: AcceptedMessage
) {
  const violation = brokenRequestRule(request)
  if (violation !== undefined) return violation
  if (form.toString() !== 'Outcome=confirmed') return broken(`feedback ${form}`, 20001)
  if (!providesFeedback) return broken('feedback on a message without ProvideFeedback', 20001)
  return undefined
}

const broken = (rule: string, code: number, status = 400) => ({ rule, code, status })

/** The first rule of all requests that this one breaks, with Twilio's error. */
function brokenRequestRule({ method, headers }: IncomingMessage) {
  const { accountSid, authToken } = twilioAccount
  if (method !== 'POST') return broken(`method ${method}`, 20004, 405)
  if (headers.authorization !== `Basic ${btoa(`${accountSid}:${authToken}`)}`)
    return broken('wrong credentials', 20003, 401)
  if (headers['content-type'] !== 'application/x-www-form-urlencoded')
    return broken(`content type ${headers['content-type']}`, 20001)
  return undefined
}

/** The first rule of Twilio or of this service that a request breaks, with Twilio's error. */
function brokenRule(request: IncomingMessage, form: URLSearchParams) {
  const { method, url } = request
  if (method !== 'POST' || url !== `/2010-04-01/Accounts/${twilioAccount.accountSid}/Messages.json`)
    return broken(`${method} ${url} is not a resource`, 20404, 404)
  const violation = brokenRequestRule(request)
  if (violation !== undefined) return violation

  const names = [...form.keys()]
  if (new Set(names).size < names.length) return broken('a parameter is repeated', 20001)
  // The service sends no other parameter. RiskCheck=disable, for example, would switch off Twilio's
  // protection against SMS pumping.
  const unexpected = names.find(name => !parameters.has(name))
  if (unexpected !== undefined) return broken(`unexpected parameter ${unexpected}`, 20001)

  if (!/^\+[1-9]\d{6,14}$/.test(form.get('To') ?? '')) return broken('To is not E.164', 21211)
  if (form.has('From') === form.has('MessagingServiceSid'))
    return broken('not exactly one of From and MessagingServiceSid', 21603)
  const body = form.get('Body') ?? ''
  if (body.trim() === '') return broken('Body is empty', 21602)
  if (body.length > 1600) return broken('Body is over 1600 characters', 21617)
  const validity = form.get('ValidityPeriod') ?? ''
  if (!/^[1-9]\d*$/.test(validity) || Number(validity) > 36_000)
    return broken('ValidityPeriod is not between 1 and 36000', 21624)
  const callback = form.get('StatusCallback')
  if (callback !== null && !isReachable(callback))
    return broken('StatusCallback is not an absolute URL', 21609)
  return undefined
}

/** Whether Twilio would accept this URL. It refuses host names with an underscore. */
const isReachable = (url: string) =>
  URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) && !new URL(url).host.includes('_')

function json(reply: ServerResponse, status: number, body: object) {
  reply.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/**
 * Twilio's error resource. Its message repeats the request, as many of Twilio's do. Without a code
 * it is a plain 5xx.
 */
const problem = (status: number, code: number | null, form: URLSearchParams) =>
  code === null
    ? { message: 'Internal Server Error', status }
    : {
        code,
        message: `Error ${code} with ${form}`,
        more_info: `https://www.twilio.com/docs/errors/${code}`,
        status
      }

let messageCount = 0

/** Twilio's Message resource just after its creation. */
function message(form: URLSearchParams) {
  const sid = `SM${(++messageCount).toString(16).padStart(32, '0')}`
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
    num_segments: form.has('MessagingServiceSid')
      ? '0'
      : String(new SegmentedMessage(form.get('Body') ?? '').segmentsCount),
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

// To start a stand-in by hand: npx tsx test/support/twilio-stand-in.ts [port]
if (isMain(import.meta)) {
  const standIn = await createTwilioStandIn({
    port: Number(process.argv[2] ?? 0),
    onMessage: ({ to, body }) => console.log(`\n${to}: ${body}`)
  })
  console.log(`TWILIO_BASE_URL=${standIn.baseUrl}
TWILIO_ACCOUNT_SID=${twilioAccount.accountSid}
TWILIO_AUTH_TOKEN=${twilioAccount.authToken}
TWILIO_FROM=+15005550006`)
}

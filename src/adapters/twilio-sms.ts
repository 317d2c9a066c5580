import twilio from 'twilio'
import type { Sms } from '../domain/sms.ts'
import { twilioHttp, type NoAnswer } from './twilio-http.ts'

/** What Twilio needs to know. `baseUrl` replaces https://api.twilio.com; `timeoutMs` bounds a send from start to end. */
export type TwilioSettings = {
  accountSid: string
  authToken: string
  sender: { from: string } | { messagingServiceSid: string }
  baseUrl?: string
  timeoutMs: number
}

/** The two levels used here; pino and Fastify's logger fit. */
export type SmsLog = {
  warn: (fields: object, message: string) => void
  error: (fields: object, message: string) => void
}

/**
 * Twilio codes that speak about the recipient's number; anything else is about us, our account or Twilio. Twilio adds
 * codes as it splits old ones, so an unknown one counts as `rejected`. https://www.twilio.com/docs/api/errors
 */
const undeliverable: ReadonlyMap<unknown, string> = new Map([
  [21211, 'invalid'],
  [21265, 'shortcode'],
  [21266, 'sender'],
  [21268, 'premium'],
  [21408, 'region'],
  [21608, 'unverified'],
  [21610, 'unsubscribed'],
  [21612, 'unroutable'],
  [21614, 'incapable'],
  [21635, 'landline']
])

/** Each reason why a text did not go, or may not have gone, out, with what an operator should do about it. */
const unavailable = {
  credentials: 'Twilio refused the credentials: check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN',
  throttled: 'Twilio is limiting this account: lower the rate or ask Twilio to raise the limit',
  outage: 'Twilio failed to answer properly; the text may have been sent: see https://status.twilio.com',
  redirect: 'Twilio answered with a redirect, which is never followed: check TWILIO_BASE_URL',
  rejected: 'Twilio rejected the request: look twilioCode up at https://www.twilio.com/docs/api/errors',
  failed: 'Twilio took the text and failed it at once: look twilioCode up at https://www.twilio.com/docs/api/errors',
  unreadable: 'Twilio answered without a message SID; the text may have been sent: check TWILIO_BASE_URL',
  timeout: 'Twilio did not answer within TWILIO_TIMEOUT_MS; the text may have been sent: check the way to Twilio',
  unreachable: 'the connection to Twilio failed; the text may have been sent: check DNS, firewall and TWILIO_BASE_URL'
}

/** The reasons that leave no doubt: Twilio was asked, and took no text. */
const noDoubt: ReadonlySet<keyof typeof unavailable> = new Set(['credentials', 'throttled', 'redirect', 'rejected', 'failed'])

type Failure = { reason: keyof typeof unavailable, status?: number, twilioCode?: unknown }

/** Sends texts with Twilio's own SDK. */
export function twilioSms (settings: TwilioSettings, log: SmsLog): Sms {
  const { accountSid, authToken, sender, baseUrl, timeoutMs } = settings
  // Empty, not absent: absent lets TWILIO_EDGE and TWILIO_REGION rewrite the host behind the configuration's back.
  const client = twilio(accountSid, authToken, { httpClient: twilioHttp(timeoutMs), edge: '', region: '' })
  if (baseUrl !== undefined) client.api.baseUrl = baseUrl

  return {
    async send ({ to, body, validFor }) {
      const startedAt = performance.now()
      const failure = await client.messages.create({
        ...sender,
        to,
        body,
        // A text still queued when its code has died is dropped, not delivered. 36,000 is the most Twilio takes.
        validityPeriod: Math.min(Math.floor(validFor), 36_000)
      }).then(whyNotAccepted, whyNotSent)
      if (failure === undefined) return 'accepted'

      // Only these facts may leave: the SDK's errors repeat what Twilio says, which may be the number and the text.
      const facts = {
        event: 'sms.failed',
        provider: 'twilio',
        status: failure.status,
        twilioCode: Number.isInteger(failure.twilioCode) ? failure.twilioCode : undefined,
        durationMs: Math.round(performance.now() - startedAt)
      }
      const numberProblem = undeliverable.get(failure.twilioCode)
      if (numberProblem !== undefined) {
        log.warn({ ...facts, reason: numberProblem }, 'Twilio cannot text this number')
        return 'undeliverable'
      }
      log.error({ ...facts, reason: failure.reason }, unavailable[failure.reason])
      return noDoubt.has(failure.reason) ? 'rejected' : 'unknown'
    }
  }
}

/** Accepted is a message with a SID that hasn't failed already. */
function whyNotAccepted ({ sid, status, errorCode }: { sid: unknown, status: unknown, errorCode: unknown }): Failure | undefined {
  if (typeof sid !== 'string' || sid === '') return { reason: 'unreadable' }
  if (status === 'failed' || status === 'undelivered' || status === 'canceled') return { reason: 'failed', twilioCode: errorCode }
  return undefined
}

function whyNotSent (error: Partial<NoAnswer> & { code?: unknown, status?: unknown }): Failure {
  const { noAnswer, code, status } = error
  if (noAnswer !== undefined) return { reason: noAnswer }
  // No status: the SDK stumbled over a 2xx that isn't a message.
  if (typeof status !== 'number') return { reason: 'unreadable' }
  return { reason: reasonOf(status, code), status, twilioCode: code }
}

function reasonOf (status: number, code: unknown): Failure['reason'] {
  if (status === 401 || code === 20003) return 'credentials'
  if (status === 429 || code === 20429) return 'throttled'
  if (status >= 500) return 'outage'
  return status < 400 ? 'redirect' : 'rejected'
}

import type { Sms } from '../../domain/messages/sms.ts'
import { requestFields } from '../logs/request-fields.ts'
import { countryOf } from './libphonenumber-phones.ts'
import { statusCallbackUrl } from './twilio-callbacks.ts'
import { createTwilioClient, type TwilioAccount } from './twilio-client.ts'
import { numberError } from './twilio-errors.ts'
import type { NoResponse } from './twilio-http.ts'

export type TwilioSettings = TwilioAccount & {
  sender: { from: string } | { messagingServiceSid: string }
  /** Where Twilio is asked to report the status of each message. */
  publicUrl?: string
  /** Whether to report entered codes to Twilio (see `createTwilioFeedback`). */
  feedback: boolean
}

/** The part of a pino or Fastify logger that is used here. */
export type SmsLog = {
  warn: (fields: object, message: string) => void
  error: (fields: object, message: string) => void
}

/** Each reason why a message was not sent, or may not have been, with advice for the operator. */
const unavailable = {
  credentials: 'Twilio refused the credentials: check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN',
  throttled: 'Twilio is limiting this account: lower the rate or ask Twilio to raise the limit',
  outage:
    'Twilio responded with a server error; the message may have been sent: ' +
    'see https://status.twilio.com',
  redirect: 'Twilio responded with a redirect, which is never followed: check TWILIO_BASE_URL',
  rejected:
    'Twilio rejected the request: look twilioCode up at https://www.twilio.com/docs/api/errors',
  failed:
    'Twilio accepted the message and failed it at once: ' +
    'look twilioCode up at https://www.twilio.com/docs/api/errors',
  unreadable:
    'Twilio responded without a message SID; the message may have been sent: ' +
    'check TWILIO_BASE_URL',
  timeout:
    'Twilio did not respond within TWILIO_TIMEOUT_MS; the message may have been sent: ' +
    'check the network path to Twilio',
  unreachable:
    'the connection to Twilio failed; the message may have been sent: ' +
    'check DNS, firewall and TWILIO_BASE_URL'
}

/** The reasons of `sms.failed` that don't depend on the recipient's number. */
export type TwilioFailure = keyof typeof unavailable

/** The reasons after which the message certainly isn't delivered. */
const certainlyNotSent: ReadonlySet<TwilioFailure> = new Set([
  'credentials',
  'throttled',
  'redirect',
  'rejected',
  'failed'
])

type Failure = { reason: TwilioFailure; status?: number; twilioCode?: unknown }

/** Sends messages with Twilio's SDK. */
export function createTwilioSms(settings: TwilioSettings, log: SmsLog): Sms {
  const { sender, publicUrl, feedback } = settings
  const client = createTwilioClient(settings)

  return {
    async send({ id, to, body, validFor, context, userId }) {
      const startedAt = performance.now()
      const failure = await client.messages
        .create({
          ...sender,
          to,
          body,
          // Twilio drops a message that is still queued when its code expires. Its maximum is
          // 36,000.
          validityPeriod: Math.min(Math.floor(validFor), 36_000),
          ...(publicUrl !== undefined && { statusCallback: statusCallbackUrl(publicUrl, id) }),
          ...(feedback && { provideFeedback: true })
        })
        .then(explainRejection, explainFailure)
      if (failure === undefined) return 'accepted'

      // Only these facts are logged, because the SDK's errors repeat Twilio's, which may contain
      // the number and the code.
      const facts = {
        event: 'sms.failed',
        provider: 'twilio',
        ...requestFields(context),
        userId,
        country: countryOf(to),
        status: failure.status,
        twilioCode: Number.isInteger(failure.twilioCode) ? failure.twilioCode : undefined,
        durationMs: Math.round(performance.now() - startedAt)
      }
      const problem = numberError(failure.twilioCode)
      if (problem !== undefined) {
        log.warn({ ...facts, reason: problem.name }, 'Twilio cannot send to this number')
        return problem.undeliverable
      }
      log.error({ ...facts, reason: failure.reason }, unavailable[failure.reason])
      return certainlyNotSent.has(failure.reason) ? 'rejected' : 'unknown'
    }
  }
}

/** Undefined if Twilio accepted the message: it has a SID and has not already failed. */
function explainRejection({
  sid,
  status,
  errorCode
}: {
  sid: unknown
  status: unknown
  errorCode: unknown
}): Failure | undefined {
  if (typeof sid !== 'string' || sid === '') return { reason: 'unreadable' }
  if (status === 'failed' || status === 'undelivered' || status === 'canceled')
    return { reason: 'failed', twilioCode: errorCode }
  return undefined
}

function explainFailure(
  error: Partial<NoResponse> & { code?: unknown; status?: unknown }
): Failure {
  const { noResponse, code, status } = error
  if (noResponse !== undefined) return { reason: noResponse }
  // Without a status the SDK received a 2xx response that isn't a message.
  if (typeof status !== 'number') return { reason: 'unreadable' }
  return { reason: reasonOf(status, code), status, twilioCode: code }
}

function reasonOf(status: number, code: unknown): Failure['reason'] {
  if (status === 401 || code === 20003) return 'credentials'
  if (status === 429 || code === 20429) return 'throttled'
  if (status >= 500) return 'outage'
  return status < 400 ? 'redirect' : 'rejected'
}

import type { UndeliverableReason } from '../codes/undeliverable.ts'
import type { RequestContext } from '../request-context.ts'

/** An SMS to send. */
type Message = {
  /** E.164. From the user's record, never from a request. */
  to: string
  body: string
  /** Our own id, which the SMS provider repeats in reports about the message. */
  id: string
  /** Seconds after which delivery is pointless, because the code has expired. */
  validFor: number
  /** The request that it belongs to, if any, and the user whom it is for. For the log. */
  context: RequestContext | null
  userId: string
}

/**
 * Why a message was not accepted:
 * - `undeliverable`: the number is not a personal line in an allowed country.
 * - an `UndeliverableReason`: Twilio can't send to this number.
 * - `rejected`: rejected for another reason.
 * - `unknown`: the message may have been accepted.
 */
export type SendFailure = 'undeliverable' | UndeliverableReason | 'rejected' | 'unknown'

/** The result of sending a message; `accepted` for delivery, or why not. */
export type SendResult = 'accepted' | SendFailure

/** The SMS provider. */
export type Sms = {
  /**
   * Never rejects. Never retries, because a message without a response may still be billed and
   * delivered.
   */
  send: (message: Message) => Promise<SendResult>
}

/** An SMS provider that knows which messages this process is sending. */
export type TrackedSms = Sms & {
  /** Resolves when no message, or none to this number, is being sent. Never rejects. */
  settled: (to?: string) => Promise<void>
}

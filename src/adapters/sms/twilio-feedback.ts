import PQueue from 'p-queue'
import type { MessageFeedback } from '../../domain/messages/message-feedback.ts'
import { createTwilioClient, type TwilioAccount } from './twilio-client.ts'
import type { NoResponse } from './twilio-http.ts'
import type { SmsLog } from './twilio-sms.ts'

/** Why Twilio was not told. */
export type FeedbackFailure = NoResponse['noResponse'] | 'rejected'

/** Concurrent requests. Logins share Twilio's rate limits with them. */
const concurrency = 5

/** Requests that may wait. Further ones are dropped. */
const queue = 100

/**
 * Tells Twilio which codes have been entered, from which Twilio computes the conversion of each
 * route: https://www.twilio.com/docs/messaging/guides/track-message-delivery-feedback. One request
 * for each code, which nothing waits for. A request that fails is not repeated.
 */
export function createTwilioFeedback(account: TwilioAccount, log: SmsLog): MessageFeedback {
  const client = createTwilioClient(account)
  const turns = new PQueue({ concurrency })

  async function send(messageSid: string): Promise<void> {
    try {
      await client.messages(messageSid).feedback.create({ outcome: 'confirmed' })
    } catch (error) {
      const { noResponse, status, code } = error as Partial<NoResponse> & Record<string, unknown>
      const reason: FeedbackFailure = noResponse ?? 'rejected'
      log.warn(
        { event: 'sms.feedback_failed', reason, status, twilioCode: code },
        'Twilio was not told that a code has been entered; this affects only its statistics'
      )
    }
  }

  return {
    confirm(messageSid) {
      // The response comes first.
      setImmediate(() => {
        if (turns.size < queue) void turns.add(() => send(messageSid))
      })
    }
  }
}

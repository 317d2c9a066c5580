import twilio from 'twilio'
import type { DeliveryReport } from '../../domain/codes/delivery.ts'
import type { StatusCallbacks } from '../../domain/codes/status-callbacks.ts'
import { Refusal } from '../../domain/refusal.ts'
import { deliveryFailure } from './twilio-errors.ts'

/** `publicUrl` is where Twilio reaches this service. Any of `authTokens` may sign a callback. */
export type TwilioCallbackSettings = { publicUrl: string; authTokens: readonly string[] }

/** The URL of the status callbacks of a message. */
export const statusCallbackUrl = (publicUrl: string, messageId: string) =>
  `${publicUrl}/twilio/status/${messageId}`

/**
 * Twilio's message statuses that are reported here. The others, such as `received`, are those of
 * incoming messages and of other channels, or say nothing about delivery.
 */
const deliveries: ReadonlyMap<unknown, DeliveryReport['delivery']> = new Map([
  ['accepted', 'queued'],
  ['scheduled', 'queued'],
  ['queued', 'queued'],
  ['sending', 'queued'],
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'delivered'],
  ['undelivered', 'failed'],
  ['failed', 'failed'],
  ['canceled', 'failed']
])

/**
 * Reads Twilio's status callbacks. The signature is checked against the URL that was given to
 * Twilio, not one made from the request, because proxies change the scheme, the host and the path.
 */
export const createTwilioCallbacks = ({
  publicUrl,
  authTokens
}: TwilioCallbackSettings): StatusCallbacks => ({
  authenticate({ messageId, signature, fields }) {
    const url = statusCallbackUrl(publicUrl, messageId)
    const isSigned =
      isId.test(messageId) &&
      authTokens.some(token => twilio.validateRequest(token, signature, url, fields))
    if (!isSigned) throw new Refusal('invalid-signature')
  },
  interpret({ messageId, fields }) {
    const delivery = deliveries.get(fields['MessageStatus'])
    if (delivery === undefined) return null
    const ids = { messageId, providerMessageId: messageSid(fields['MessageSid']) }
    return delivery === 'failed'
      ? { ...ids, delivery, failure: deliveryFailure(errorCode(fields['ErrorCode'])) }
      : { ...ids, delivery, failure: null }
  }
})

/** The form of `randomId`. */
const isId = /^[\w-]{22}$/

/** The SID of a message becomes part of a URL. */
const messageSid = (text: unknown) =>
  typeof text === 'string' && /^(SM|MM)[0-9a-f]{32}$/.test(text) ? text : null

const errorCode = (text: unknown) =>
  typeof text === 'string' && /^\d{5}$/.test(text) ? Number(text) : null

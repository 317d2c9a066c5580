import { reasonFor, type DeliveryFailure, type ServiceFault } from '../../domain/codes/delivery.ts'
import type { UndeliverableReason } from '../../domain/codes/undeliverable.ts'

/** Twilio's error about a number: its name in our log, and what it says about the number. */
type NumberError = { name: NumberErrorName; undeliverable: UndeliverableReason }

/** The reasons of `sms.failed` that depend on the recipient's number. */
export type NumberErrorName =
  | 'invalid'
  | 'shortcode'
  | 'sender'
  | 'premium'
  | 'region'
  | 'unverified'
  | 'unsubscribed'
  | 'unroutable'
  | 'incapable'
  | 'landline'
  | 'blocked'
  | 'unassigned'

/**
 * Twilio's error codes about the recipient's number. Twilio responds with some of them, and reports
 * others later. https://www.twilio.com/docs/api/errors
 */
const numberErrors: ReadonlyMap<unknown, NumberError> = new Map([
  [21211, { name: 'invalid', undeliverable: 'not-mobile' }],
  [21265, { name: 'shortcode', undeliverable: 'not-mobile' }],
  [21266, { name: 'sender', undeliverable: 'unroutable' }],
  [21268, { name: 'premium', undeliverable: 'not-mobile' }],
  [21408, { name: 'region', undeliverable: 'unroutable' }],
  [21608, { name: 'unverified', undeliverable: 'unroutable' }],
  [21610, { name: 'unsubscribed', undeliverable: 'blocked' }],
  [21612, { name: 'unroutable', undeliverable: 'unroutable' }],
  [21614, { name: 'incapable', undeliverable: 'not-mobile' }],
  [21635, { name: 'landline', undeliverable: 'not-mobile' }],
  [30004, { name: 'blocked', undeliverable: 'blocked' }],
  [30005, { name: 'unassigned', undeliverable: 'unassigned' }],
  [30006, { name: 'landline', undeliverable: 'not-mobile' }]
])

/** The error about a number. Undefined if the code is about something else. */
export const numberError = (code: unknown): NumberError | undefined => numberErrors.get(code)

/**
 * The codes of failures that don't depend on the recipient.
 * - `filtered`: Twilio or the carriers refuse the content or an unregistered sender.
 * - `fraud`: Twilio takes the messages for SMS pumping.
 * - `account`: the account is suspended or may not send there.
 * - `queue`: messages wait for longer than they are valid.
 */
const serviceFaults: Readonly<Record<ServiceFault, readonly number[]>> = {
  filtered: [
    30007, 30018, 30022, 30023, 30024, 30030, 30031, 30032, 30033, 30034, 30035, 30037, 30038, 30039
  ],
  fraud: [30450, 30453, 30454],
  account: [20003, 21408, 21612, 30002, 30010],
  queue: [21611, 30001, 30036]
}

const faultOf = (code: number): ServiceFault | null => {
  const faults = Object.keys(serviceFaults) as ServiceFault[] // Object.keys widens to string.
  return faults.find(fault => serviceFaults[fault].includes(code)) ?? null
}

/**
 * What a message's error code means. Twilio adds codes over time and asks not to depend on them, so
 * an unknown one says only that the message failed.
 */
export function deliveryFailure(code: number | null): DeliveryFailure {
  if (code === null)
    return { reason: 'unknown', undeliverable: null, fault: null, providerCode: null }
  const undeliverable = numberErrors.get(code)?.undeliverable ?? null
  return {
    reason: undeliverable === null ? reasonOf(code) : reasonFor[undeliverable],
    undeliverable,
    fault: faultOf(code),
    providerCode: code
  }
}

function reasonOf(code: number): DeliveryFailure['reason'] {
  if (code === 30003) return 'unreachable'
  if (code === 30036) return 'expired'
  const isFiltered = code === 30007 || code === 30450 || (code >= 30030 && code <= 30039)
  return isFiltered ? 'filtered' : 'unknown'
}

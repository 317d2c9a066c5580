import { check, type LimitAction, type RateLimit } from '../rate-limits/rate-limit.ts'

const day = 86_400

/**
 * The reasons why a number can't receive messages. For each, the number of seconds for which no
 * further message is sent to it, because that would cost money without arriving. `unroutable` also
 * depends on the Twilio account and ends when the operator changes its settings, so it is
 * remembered for a shorter time.
 */
const lifetimes = { blocked: day, 'not-mobile': day, unroutable: 900 } as const

export type UndeliverableReason = keyof typeof lifetimes

const reasons = Object.keys(lifetimes) as UndeliverableReason[] // Object.keys widens to string.

const limitName = (reason: UndeliverableReason) => `undeliverable.${reason}` as const

/** Whether this result of a send is a reason to stop sending to the number. */
export const isUndeliverable = (outcome: string): outcome is UndeliverableReason =>
  Object.hasOwn(lifetimes, outcome)

/**
 * A rate limit that marks a number as undeliverable while it is exhausted. The statement that
 * stores the next code checks it, for every account with that number. A user's new number has no
 * mark.
 */
export const undeliverableMark = (phone: string, reason: UndeliverableReason): RateLimit => ({
  name: limitName(reason),
  key: { phone },
  max: 1,
  windowSeconds: lifetimes[reason]
})

/** The checks that refuse with `sms-undeliverable` when the number is marked. */
export const checkDeliverable = (phone: string): LimitAction[] =>
  reasons.map(reason => check(undeliverableMark(phone, reason)))

/** The names of the limits that `undeliverableMark` exhausts. */
export const undeliverableLimitNames = reasons.map(limitName)

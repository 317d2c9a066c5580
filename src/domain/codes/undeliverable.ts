import { check, type LimitAction, type RateLimit } from '../rate-limits/rate-limit.ts'

const day = 86_400

/**
 * The reasons why a number can't receive messages. For each, the number of seconds for which no
 * further message is sent to it, because that would cost money without arriving:
 * - `blocked`: its owner or its carrier refuses messages.
 * - `not-mobile`: it is a landline or another line without messages.
 * - `unassigned`: nobody has it.
 * - `unroutable`: no route leads to it, or the Twilio account may not use the route. This ends when
 *   the operator changes the settings of the account, so it is remembered for a shorter time.
 */
const lifetimes = { blocked: day, 'not-mobile': day, unassigned: day, unroutable: 900 } as const

export type UndeliverableReason = keyof typeof lifetimes

const reasons = Object.keys(lifetimes) as UndeliverableReason[] // Object.keys widens to string.

const limitName = (reason: UndeliverableReason) => `undeliverable.${reason}` as const

/** Whether this result of a send is a reason to stop sending to the number. */
export const isUndeliverable = (outcome: string): outcome is UndeliverableReason =>
  Object.hasOwn(lifetimes, outcome)

/** The name and the window of the rate limit that marks a number as undeliverable. */
export const undeliverableLimit = (
  reason: UndeliverableReason
): Pick<RateLimit, 'name' | 'windowSeconds'> => ({
  name: limitName(reason),
  windowSeconds: lifetimes[reason]
})

/**
 * The checks that refuse with `sms-undeliverable` when the number is marked. The statement that
 * stores the next code makes them, for every account with that number. A user's new number has no
 * mark.
 */
export const checkDeliverable = (phone: string): LimitAction[] =>
  reasons.map(reason => check({ ...undeliverableLimit(reason), key: { phone }, max: 1 }))

/** The names of the limits that mark numbers as undeliverable. */
export const undeliverableLimitNames = reasons.map(limitName)

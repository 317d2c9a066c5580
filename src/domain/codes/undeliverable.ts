import { after } from '../clock.ts'
import {
  check,
  consumeStored,
  type CountedLimit,
  type LimitAction,
  type RateLimit
} from '../rate-limits/rate-limit.ts'

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
 * The actions that refuse with `sms-undeliverable` while the number is marked. The statement that
 * stores the next code applies them, for every account with that number. A user's new number has no
 * mark.
 *
 * A mark is a limit of one message in its window, and the window begins with the failure. If the
 * SMS provider `reportsDelivery`, it accepts and bills a message before it reports a failure. A
 * number with a mark therefore gets one message in each window, until a message has arrived and the
 * mark is removed. Otherwise the provider has refused the message for free, and the mark has no
 * effect after its window.
 */
export const checkDeliverable = (phone: string, reportsDelivery: boolean): LimitAction[] =>
  reasons.map(reason => {
    const mark: RateLimit = { ...undeliverableLimit(reason), key: { phone }, max: 1 }
    return reportsDelivery && isPermanent(reason) ? consumeStored(mark) : check(mark)
  })

/** Whether only the recipient or the carrier can change this, so that the mark must be kept. */
const isPermanent = (reason: UndeliverableReason) => reason !== 'unroutable'

/** Why and until when no message is sent to a number. */
export type UndeliverableMark = { reason: UndeliverableReason; markedAt: Date; until: Date }

/** The marks among these limits. */
export const marksIn = (limits: readonly CountedLimit[]): UndeliverableMark[] =>
  limits.flatMap(({ name, resetsAt }) => {
    const reason = reasons.find(reason => limitName(reason) === name)
    if (reason === undefined) return []
    return { reason, markedAt: after(resetsAt, -lifetimes[reason]), until: resetsAt }
  })

/** The names of the limits that mark numbers as undeliverable. */
export const undeliverableLimitNames = reasons.map(limitName)

/** Those of them that are kept after their window, until a message has arrived. */
export const permanentLimitNames = reasons.filter(isPermanent).map(limitName)

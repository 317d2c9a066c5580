import { secondsUntil } from '../clock.ts'
import { Refusal } from '../refusal.ts'

/** How often something may happen for one key. The window is fixed and opens with the first use. */
export type RateLimit = {
  /** What is limited. The part before the dot decides how a refusal is answered. */
  name: 'requests' | `${'session-requests' | 'password' | 'sms' | 'undeliverable'}.${string}`
  /** Who or what is counted. Stores keep the values as keyed hashes only. */
  key: Readonly<Record<string, string>>
  /** Uses in a window. At least 1. */
  max: number
  windowSeconds: number
}

/** What a statement does to one rate limit. */
export type LimitAction =
  /** Counts one use. With `evenIfRefused`, it counts even if another limit refuses the request. */
  | { do: 'consume'; limit: RateLimit; evenIfRefused?: true }
  /** Refuses when the limit is exhausted, and counts nothing. */
  | { do: 'check'; limit: RateLimit }
  /** Counts one use of a limit that is stored already. Allows any other without counting. */
  | { do: 'consume-stored'; limit: RateLimit }
  /** Takes back one use. A window that opened after `consumedAt` is left as it is. */
  | { do: 'refund'; limit: RateLimit; consumedAt: Date }
  /** Takes back all uses, under the same condition. */
  | { do: 'reset'; limit: RateLimit; consumedAt: Date }

export const consume = (limit: RateLimit): LimitAction => ({ do: 'consume', limit })
export const check = (limit: RateLimit): LimitAction => ({ do: 'check', limit })
export const consumeStored = (limit: RateLimit): LimitAction => ({ do: 'consume-stored', limit })
export const refund = (limit: RateLimit, consumedAt: Date): LimitAction => ({
  do: 'refund',
  limit,
  consumedAt
})
export const reset = (limit: RateLimit, consumedAt: Date): LimitAction => ({
  do: 'reset',
  limit,
  consumedAt
})

/**
 * The uses counted in the current window, by the name of the limit. If several limits have the same
 * name, the count of the first.
 */
export type LimitCounts = Readonly<Record<string, number>>

/** Rate limits that all instances share and that survive a restart. */
export type RateLimits = {
  /**
   * Applies all of these actions, each to a different limit. If one limit is exhausted, only
   * refunds, resets and uses that count `evenIfRefused` take effect. Only one of several concurrent
   * requests gets the last use. Throws `rateLimited`.
   */
  apply: (actions: readonly LimitAction[], now: Date) => Promise<LimitCounts>
  /** The counts in current windows of all limits of these names whose key contains `key`. */
  find: (names: readonly string[], key: RateLimit['key'], now: Date) => Promise<CountedLimit[]>
  /**
   * Deletes the counts of all limits of these names whose key contains `key`. Resolves to the name
   * of each that had a count. Other instances may refuse requests for another five seconds.
   */
  clear: (names: readonly string[], key: RateLimit['key']) => Promise<string[]>
}

/** The count of a limit in its current window. */
export type CountedLimit = {
  name: string
  count: number
  resetsAt: Date
  /** Whether the key of the limit contains these parts. */
  isFor: (key: RateLimit['key']) => boolean
}

/** The refusal for an exhausted limit. No other code maps a limit to a problem. */
export function rateLimited(limit: Pick<RateLimit, 'name'>, resetsAt: Date, now: Date): Refusal {
  const facts = { limit: limit.name, retryAfter: secondsUntil(resetsAt, now) }
  const [kind] = limit.name.split('.')
  if (kind === 'undeliverable') return new Refusal('sms-undeliverable', { limit: limit.name })
  if (kind === 'sms') return new Refusal('too-many-texts', facts)
  return new Refusal('too-many-attempts', {
    ...facts,
    reason: kind === 'password' ? 'passwords' : 'requests'
  })
}

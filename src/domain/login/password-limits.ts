import type { Clock } from '../clock.ts'
import type { Limits } from '../rate-limits/limits.ts'
import {
  check,
  consume,
  refund,
  reset,
  type LimitAction,
  type RateLimit,
  type RateLimits
} from '../rate-limits/rate-limit.ts'
import { Refusal } from '../refusal.ts'
import { perNetwork, type RequestContext } from '../request-context.ts'

/** What one attempt at a password does to the rate limits. */
export type PasswordLimits = {
  /** Before the password is hashed. */
  onAttempt: LimitAction[]
  /** When the password was right. */
  onSuccess: LimitAction[]
  /** When the password was never compared. */
  onAbort: LimitAction[]
}

/** How many attempts `backOff` leaves to each network. */
const slowAttempts = 3

const quarterOfAnHour = 900
const day = 86_400

/** The maximum of a limit that counts but never refuses. */
const unlimited = 2 ** 31 - 1

/**
 * The rate limits of one attempt at a password. `username` is the key of a username (see
 * `usernameKey`) that need not exist.
 *
 * Each network has a limited number of attempts at one username, and ten times as many at all
 * usernames. When all networks together have made ten times as many attempts at one username,
 * `backOff` limits each network to three in a window that grows with the attack (NIST SP 800-63B-4
 * §3.2.2). The limit is per network, so that guessing from other networks never locks out the
 * owner.
 */
export function passwordLimits(
  { passwordFailures: max }: Limits,
  context: RequestContext,
  username: string,
  now: Date
): PasswordLimits {
  if (max === 0) return { onAttempt: [], onSuccess: [], onAbort: [] }
  const anywhere: RateLimit = {
    name: 'password.name',
    key: { username },
    max: unlimited,
    windowSeconds: day
  }
  const [here, ...around] = perNetwork(context, network => ({
    name: 'password.here',
    key: { username, network },
    max,
    windowSeconds: quarterOfAnHour
  }))
  const anyName = perNetwork(context, network => networkPasswordLimit(max, network))
  // Other users share these limits, so a right password takes back only its own attempt.
  const shared = [anywhere, ...around, ...anyName]
  return {
    onAttempt: [...[...shared, here].map(consume), ...slowLimits(username, context).map(check)],
    onSuccess: [reset(here, now), ...shared.map(limit => refund(limit, now))],
    onAbort: [here, ...shared].map(limit => refund(limit, now))
  }
}

/**
 * Slows down guessing at a username that many networks attack. If `attempts`, the day's count for
 * that username, is too high, it consumes one of the network's few attempts. Resolves to what the
 * attempt does to the limits from here on. Throws `too-many-attempts`.
 */
export async function backOff(
  {
    rateLimits,
    clock,
    policy
  }: { rateLimits: RateLimits; clock: Clock; policy: { limits: Limits } },
  context: RequestContext,
  username: string,
  { onAttempt, onSuccess, onAbort }: PasswordLimits,
  attempts: number
): Promise<PasswordLimits> {
  const { passwordFailures: max } = policy.limits
  const excess = attempts / (10 * max)
  if (max === 0 || excess <= 1) return { onAttempt, onSuccess, onAbort }
  const now = clock()
  const windowSeconds = slowWindow(excess)
  const slow = slowLimits(username, context).map(limit => ({ ...limit, windowSeconds }))
  const [own] = slow
  try {
    await rateLimits.apply(slow.map(consume), now)
  } catch (error) {
    // A concurrent request took the last attempt. A refused attempt must not count, because each
    // request would then slow down the owner further. If the refund fails, the caller still gets
    // the first error.
    await rateLimits.apply(onAbort, now).catch(failure => {
      if (error instanceof Refusal) error.cause = failure
    })
    throw error
  }
  return {
    onAttempt,
    onSuccess: [
      ...onSuccess,
      ...slow.map(limit => (limit === own ? reset(limit, now) : refund(limit, now)))
    ],
    onAbort: [...onAbort, ...slow.map(limit => refund(limit, now))]
  }
}

const slowLimits = (username: string, context: RequestContext) =>
  perNetwork(context, network => ({
    name: 'password.slow',
    key: { username, network },
    max: slowAttempts,
    windowSeconds: longestSlowWindow
  }))

const longestSlowWindow = 4 * 3600

/** Fifteen minutes, doubled each time the attack has doubled, up to four hours. */
const slowWindow = (excess: number) =>
  Math.min(quarterOfAnHour * 2 ** Math.max(0, Math.floor(Math.log2(excess))), longestSlowWindow)

/** The names of the limits that guessing at one username exhausts. */
export const passwordLimitNames = ['password.here', 'password.name', 'password.slow']

/** The maximum of each limit that refuses attempts at one username from one network. */
export const usernameMaxima = ({ passwordFailures }: Limits): Readonly<Record<string, number>> =>
  passwordFailures === 0 ? {} : { 'password.here': passwordFailures, 'password.slow': slowAttempts }

/** The limit of attempts at all usernames from one network. `max` is that of one username. */
export const networkPasswordLimit = (max: number, network: string): RateLimit => ({
  name: 'password.network',
  key: { network },
  max: 10 * max,
  windowSeconds: quarterOfAnHour
})

import type { Clock } from '../clock.ts'
import type { LimitAction, LimitCounts, RateLimits } from '../rate-limits/rate-limit.ts'
import type { Limits } from '../rate-limits/limits.ts'
import type { Events } from '../events.ts'
import type { RequestContext } from '../request-context.ts'
import type { User } from '../users/user.ts'
import { backOff, passwordLimits } from './password-limits.ts'
import type { Passwords } from './passwords.ts'

export type CheckPasswordPorts = {
  passwords: Passwords
  rateLimits: RateLimits
  events: Events
  clock: Clock
  policy: { limits: Limits }
}

/** A user and whatever else was read with them. */
type Found = { user: Pick<User, 'id' | 'passwordDigest'> }

/**
 * Applies the rate limits of an attempt at the password of `username` (see `usernameKey`), then
 * compares the password. `find` looks up the user and applies the limits that it gets. If `signal`
 * aborts while the request waits for its turn, the password is not hashed. Resolves to the result
 * of the comparison, and to `onSuccess`, which takes the attempt back. The caller applies it if the
 * password was right. No password is right for a user for whom `mayPass` is false. Throws
 * `too-many-attempts`, `busy` and what `find` throws.
 */
export async function checkPassword<T extends Found>(
  { passwords, rateLimits, events, clock, policy }: CheckPasswordPorts,
  context: RequestContext,
  username: string,
  password: string,
  find: (limits: readonly LimitAction[]) => Promise<{ found: T | null; counts: LimitCounts }>,
  signal?: AbortSignal,
  mayPass: (found: T) => boolean = () => true
) {
  // A slot is reserved first, so that a request is rejected before it reaches the database when the
  // hashing queue is full.
  const releaseSlot = passwords.reserveSlot()
  try {
    const limits = passwordLimits(policy.limits, context, username, clock())
    const { found, counts } = await find(limits.onAttempt)
    context.userId = found?.user.id ?? context.userId
    const { onSuccess, onAbort } = await backOff(
      { rateLimits, clock, policy },
      context,
      username,
      limits,
      counts['password.name'] ?? 0
    )
    try {
      releaseSlot()
      // Unknown usernames are hashed too, so that the response time does not reveal which exist.
      const digest = found !== null && mayPass(found) ? found.user.passwordDigest : null
      const verdict = await passwords.verify({ usernameKey: username, digest }, password, signal)
      if (verdict.unreadable && found !== null)
        events.record({ name: 'password.digest_unreadable', context, userId: found.user.id })
      return { found, onSuccess, ...verdict }
    } catch (error) {
      // If this fails as well, the attempt stays counted. The caller gets the first error.
      await rateLimits.apply(onAbort, clock()).catch(() => {})
      throw error
    }
  } finally {
    releaseSlot()
  }
}

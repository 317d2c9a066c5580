import type { RateLimits } from '../rate-limits/rate-limit.ts'
import { passwordLimitNames } from './password-limits.ts'
import { recipientLimitNames } from '../messages/sms-limits.ts'
import { undeliverableLimitNames } from '../codes/undeliverable.ts'
import type { LockedUser, UserDirectory, UserRef } from '../users/user-directory.ts'
import { usernameKey } from './username.ts'

/** What `unlockUser` reset: the user as they were before, and the names of the rate limits. */
export type Unlocked = { user: LockedUser; limits: string[] }

/**
 * Resets every lockout and rate limit of a user: wrong codes of any kind, messages of the account
 * and of its number, undeliverable marks of that number and, unless `passwords` is false, wrong
 * passwords. `rateLimits` has one entry for each secret, because instances may count under
 * different secrets while a secret is rotated. Null when there is no such user.
 */
export async function unlockUser(
  {
    users,
    rateLimits
  }: { users: Pick<UserDirectory, 'unlock'>; rateLimits: readonly Pick<RateLimits, 'clear'>[] },
  ref: UserRef,
  { passwords = true } = {}
): Promise<Unlocked | null> {
  const user = await users.unlock(ref)
  if (user === null) return null
  const limits: string[] = []
  for (const { clear } of rateLimits) {
    if (passwords)
      limits.push(...(await clear(passwordLimitNames, { username: usernameKey(user.username) })))
    limits.push(...(await clear(recipientLimitNames, { userId: user.id })))
    const ofNumber = [...recipientLimitNames, ...undeliverableLimitNames]
    if (user.phone !== null) limits.push(...(await clear(ofNumber, { phone: user.phone })))
  }
  return { user, limits }
}

import type { RateLimits } from '../rate-limits/rate-limit.ts'
import { passwordLimitNames } from './password-limits.ts'
import { recipientLimitNames } from '../messages/sms-limits.ts'
import { undeliverableLimitNames } from '../codes/undeliverable.ts'
import type { UserDirectory, UserRef } from '../users/user-directory.ts'
import type { User } from '../users/user.ts'
import { usernameKey } from './username.ts'

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
  }: { users: Pick<UserDirectory, 'unlock'>; rateLimits: readonly RateLimits[] },
  ref: UserRef,
  { passwords = true } = {}
): Promise<Pick<User, 'id'> | null> {
  const user = await users.unlock(ref)
  if (user === null) return null
  for (const { clear } of rateLimits) {
    if (passwords) await clear(passwordLimitNames, { username: usernameKey(user.username) })
    await clear(recipientLimitNames, { userId: user.id })
    if (user.phone !== null)
      await clear([...recipientLimitNames, ...undeliverableLimitNames], { phone: user.phone })
  }
  return user
}

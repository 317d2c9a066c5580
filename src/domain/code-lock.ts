import { secondsUntil } from './clock.ts'
import { Refusal } from './refusal.ts'
import type { User } from './user.ts'

type CodeState = Pick<User, 'codeFailures' | 'codeLockedUntil'>

/** NIST SP 800-63B-4 §3.2.2: after a hundred failures in a row an authenticator is no longer to be used. */
const failuresAtMost = 100

/**
 * For how many seconds the nth wrong code in a row locks an account's codes: 0 for most, 15 minutes for each `limit`th,
 * doubled from lock to lock, up to a day. After the last there are no tries left. Empty for a `limit` of 0: no locks.
 */
export const codeLocks = (limit: number): number[] => limit === 0
  ? []
  : Array.from({ length: failuresAtMost }, (_, index) => (index + 1) % limit === 0 ? Math.min(900 * 2 ** ((index + 1) / limit - 1), 86_400) : 0)

/** How many more codes can be tried after the wrong one that made it `failures` in a row. */
export function triesLeft (failures: number, limit: number): number {
  if (limit === 0) return Infinity
  return failures % limit === 0 ? 0 : Math.min(limit - failures % limit, failuresAtMost - failures)
}

/** Whether no code of this person is taken now. */
export const isLocked = ({ codeFailures, codeLockedUntil }: CodeState, limit: number, now: Date) =>
  limit > 0 && (codeFailures >= failuresAtMost || (codeLockedUntil !== null && codeLockedUntil > now))

/** Throws `too-many-attempts` while an account's codes are locked, and when they are off until an operator unlocks them. */
export function refuseLocked ({ codeFailures, codeLockedUntil }: CodeState, limit: number, now: Date) {
  if (!isLocked({ codeFailures, codeLockedUntil }, limit, now)) return
  // No time will do, but a caller should know when it makes sense to ask again.
  if (codeFailures >= failuresAtMost) throw new Refusal('too-many-attempts', { reason: 'codes-off', retryAfter: 86_400 })
  throw new Refusal('too-many-attempts', { reason: 'codes', retryAfter: secondsUntil(codeLockedUntil ?? now, now) })
}

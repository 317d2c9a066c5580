import { secondsUntil } from '../clock.ts'
import { Refusal } from '../refusal.ts'
import type { User } from '../users/user.ts'
import type { LockoutKind } from './purpose.ts'

type LockoutState = Pick<User, 'codeFailures' | 'codeLockedUntil'>

/** The properties of a user that hold the state of all lockouts. */
export type Lockouts = LockoutState &
  Pick<
    User,
    | 'confirmationFailures'
    | 'confirmationsLockedUntil'
    | 'phoneChangeFailures'
    | 'phoneChangesLockedUntil'
  >

/** A user's state in the lockout of this kind. */
export function lockoutOf(user: Lockouts, kind: LockoutKind): LockoutState {
  if (kind === 'login') return user
  return kind === 'confirmation'
    ? { codeFailures: user.confirmationFailures, codeLockedUntil: user.confirmationsLockedUntil }
    : { codeFailures: user.phoneChangeFailures, codeLockedUntil: user.phoneChangesLockedUntil }
}

/**
 * NIST SP 800-63B-4 §3.2.2: after a hundred consecutive failures an authenticator must no longer be
 * accepted.
 */
export const maxFailures = 100

/** The longest lockout, in seconds. */
export const maxLockout = 86_400

/**
 * The seconds for which each of 100 consecutive wrong codes locks the account. Every `limit`th
 * wrong code locks it, first for 15 minutes, then each time for twice as long, up to a day. The
 * other entries are 0. After the last entry no code is accepted. Empty for a `limit` of 0, which
 * turns lockouts off.
 */
export const lockoutSchedule = (limit: number): number[] =>
  limit === 0
    ? []
    : Array.from({ length: maxFailures }, (_, index) =>
        (index + 1) % limit === 0 ? Math.min(900 * 2 ** ((index + 1) / limit - 1), maxLockout) : 0
      )

/**
 * How many codes a user can try before the next lockout, after `failures` consecutive wrong ones. 0
 * when the last one has locked the account.
 */
export function attemptsBeforeLockout(failures: number, limit: number): number {
  if (limit === 0) return Infinity
  return failures % limit === 0 ? 0 : Math.min(limit - (failures % limit), maxFailures - failures)
}

/** For how many seconds the last of `failures` consecutive wrong codes has locked the account. */
export function lockoutAfter(failures: number, limit: number): number {
  if (limit > 0 && failures >= maxFailures) return maxLockout
  return lockoutSchedule(limit)[failures - 1] ?? 0
}

/** Whether the account is locked, so that no code is compared. */
export const isLocked = (state: LockoutState, limit: number, now: Date) =>
  limit > 0 &&
  (endsOnlyByUnlock(state) || (state.codeLockedUntil !== null && state.codeLockedUntil > now))

/** Whether only an operator can end the lockout. */
export const endsOnlyByUnlock = ({ codeFailures }: Pick<LockoutState, 'codeFailures'>) =>
  codeFailures >= maxFailures

/**
 * Throws `too-many-attempts` while the account is locked. After 100 consecutive failures it stays
 * locked until an operator unlocks it.
 */
export function assertNotLocked(state: LockoutState, limit: number, now: Date) {
  if (!isLocked(state, limit, now)) return
  // This lockout does not end on its own, but clients need a time to wait before they retry.
  if (endsOnlyByUnlock(state))
    throw new Refusal('too-many-attempts', {
      reason: 'codes-off',
      limit: 'codes',
      retryAfter: maxLockout
    })
  throw new Refusal('too-many-attempts', {
    reason: 'codes',
    limit: 'codes',
    retryAfter: secondsUntil(state.codeLockedUntil ?? now, now)
  })
}

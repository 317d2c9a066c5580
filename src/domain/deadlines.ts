import type { Challenge } from './codes/challenge.ts'
import { after } from './clock.ts'
import { lockoutSchedule, maxLockout } from './codes/lockout.ts'
import type { Policy } from './policy.ts'
import type { User } from './users/user.ts'

// A clock that is ahead stores deadlines that are too late. After it is set back, each of them
// would apply for too long by the same amount. For example, a code with a lifetime of a minute
// would be valid for an hour, or a lockout of 15 minutes would last a year. A deadline that
// restricts the user is therefore capped at its maximum from now. A deadline that grants access is
// treated as expired, because its age is unknown.

/** The maximum difference between the clocks of two instances, in seconds. */
export const clockSkew = 10

/** The part of the policy that bounds the deadlines of users, challenges and sessions. */
export type DeadlinePolicy = Pick<
  Policy,
  'codeTtl' | 'challengeTtl' | 'resendCooldown' | 'refreshTokenTtl' | 'sessionTtl'
> & { limits: Pick<Policy['limits'], 'codeFailures'> }

/** `deadline`, but at most `seconds` after `now`. */
export const capped = (deadline: Date, seconds: number, now: Date) =>
  deadline > after(now, seconds) ? after(now, seconds) : deadline

/** Whether a clock that was ahead of this one stored a deadline that is normally `seconds` away. */
export const isFromAhead = (deadline: Date, seconds: number, now: Date) =>
  deadline > after(now, seconds + clockSkew)

/** The challenge with corrected deadlines. Deadlines from a clock that was ahead have expired. */
export const capChallenge = (challenge: Challenge, policy: DeadlinePolicy, now: Date) => ({
  ...challenge,
  expiresAt: corrected(challenge.expiresAt, policy.challengeTtl, now),
  codeExpiresAt: corrected(challenge.codeExpiresAt, policy.codeTtl, now),
  resendAt: corrected(challenge.resendAt, policy.resendCooldown, now)
})

/** The user, with lockouts that last at most as long as if they began now. */
export function capLockouts(user: User, { limits }: DeadlinePolicy, now: Date): User {
  const end = (lockedUntil: Date | null, failures: number) =>
    lockedUntil &&
    capped(lockedUntil, lockoutSchedule(limits.codeFailures)[failures - 1] || maxLockout, now)
  return {
    ...user,
    codeLockedUntil: end(user.codeLockedUntil, user.codeFailures),
    confirmationsLockedUntil: end(user.confirmationsLockedUntil, user.confirmationFailures),
    phoneChangesLockedUntil: end(user.phoneChangesLockedUntil, user.phoneChangeFailures)
  }
}

/** How many seconds a session lasts without a refresh. */
export const idleTime = ({ refreshTokenTtl, sessionTtl }: DeadlinePolicy) =>
  Math.min(refreshTokenTtl, sessionTtl)

const corrected = (deadline: Date, seconds: number, now: Date) =>
  isFromAhead(deadline, seconds, now) ? now : capped(deadline, seconds, now)

import type { Challenge } from '../../domain/codes/challenge.ts'
import {
  capChallenge,
  capLockouts,
  clockSkew,
  type DeadlinePolicy
} from '../../domain/deadlines.ts'
import type { User } from '../../domain/users/user.ts'
import type { PrismaClient } from '../prisma/client.ts'
import { canonicalPhone } from '../sms/libphonenumber-phones.ts'
import { capUser } from './cap-deadlines.ts'
import { rewritePhones } from './repair-phones.ts'

type Found = { user: User; challenge: Challenge | null }

/**
 * Corrects a user and challenge that were read. Caps deadlines that a clock which ran ahead made
 * too late, and makes the phone number canonical. Also stores the corrections. Otherwise such a
 * deadline would never come closer, and `replace` would refuse a user whose stored number is not
 * the corrected one.
 */
export async function normalizeFound(
  prisma: PrismaClient,
  policy: DeadlinePolicy,
  found: Found,
  now: Date
): Promise<Found> {
  const { user, challenge } = found
  const cappedUser = capLockouts(user, policy, now)
  const cappedChallenge = challenge && capChallenge(challenge, policy, now)
  const isTooLate = (stored: Date | null | undefined, capped: Date | null | undefined) =>
    stored && capped && stored.getTime() > capped.getTime() + clockSkew * 1000
  if (
    isTooLate(user.codeLockedUntil, cappedUser.codeLockedUntil) ||
    isTooLate(user.confirmationsLockedUntil, cappedUser.confirmationsLockedUntil) ||
    isTooLate(user.phoneChangesLockedUntil, cappedUser.phoneChangesLockedUntil) ||
    isTooLate(challenge?.expiresAt, cappedChallenge?.expiresAt) ||
    isTooLate(challenge?.codeExpiresAt, cappedChallenge?.codeExpiresAt) ||
    isTooLate(challenge?.resendAt, cappedChallenge?.resendAt)
  )
    await capUser(prisma, policy, user.id, now)

  const phone = canonicalPhone(user.phone)
  if (phone !== user.phone) await rewritePhones(prisma, [user])
  return { user: { ...cappedUser, phone }, challenge: cappedChallenge }
}

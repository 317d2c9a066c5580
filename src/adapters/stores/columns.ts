import type { Challenge } from '../../domain/codes/challenge.ts'
import type { LockoutKind } from '../../domain/codes/purpose.ts'
import type { User } from '../../domain/users/user.ts'
import { Prisma } from '../prisma/client.ts'

// Columns of users (`u`) and challenges (`c`) under the names of the domain, for statements that
// Prisma's query API cannot express.

const lockoutsOfUser = Prisma.sql`
  u.code_failures AS "codeFailures",
  u.code_locked_until AS "codeLockedUntil",
  u.confirmation_failures AS "confirmationFailures",
  u.confirmations_locked_until AS "confirmationsLockedUntil",
  u.phone_change_failures AS "phoneChangeFailures",
  u.phone_changes_locked_until AS "phoneChangesLockedUntil"`

const userColumnsWithoutId = Prisma.sql`
  u.username,
  u.password_digest AS "passwordDigest",
  u.phone,
  u.locale,
  u.disabled,
  u.claims,
  ${lockoutsOfUser}`

/** The columns of `LockedUser`. */
export const lockedUserColumns = Prisma.sql`u.id, u.username, u.phone, ${lockoutsOfUser}`

/** The columns of `User`. */
export const userColumns = Prisma.sql`u.id, ${userColumnsWithoutId}`

const challengeColumnsWithoutUser = Prisma.sql`
  c.id,
  c.purpose,
  c.code_hash AS "codeHash",
  c.code_expires_at AS "codeExpiresAt",
  c.resend_at AS "resendAt",
  c.attempts_left AS "attemptsLeft",
  c.expires_at AS "expiresAt",
  c.consumed_at AS "consumedAt",
  c.new_phone AS "newPhone",
  c.details,
  c.language,
  c.message_id AS "messageId",
  c.delivery,
  c.delivery_reason AS "deliveryReason",
  c.provider_message_id AS "providerMessageId"`

/** The columns of `Challenge`. */
export const challengeColumns = Prisma.sql`
  ${challengeColumnsWithoutUser},
  c.user_id AS "userId"`

/** The columns of `UserAndChallengeRow`. */
export const userAndChallengeColumns = Prisma.sql`
  u.id AS "userId",
  ${userColumnsWithoutId},
  ${challengeColumnsWithoutUser}`

/** The columns of each lockout in `users`. */
export const lockoutColumns: Record<
  LockoutKind,
  { failures: Prisma.Sql; lockedUntil: Prisma.Sql }
> = {
  login: {
    failures: Prisma.sql`code_failures`,
    lockedUntil: Prisma.sql`code_locked_until`
  },
  confirmation: {
    failures: Prisma.sql`confirmation_failures`,
    lockedUntil: Prisma.sql`confirmations_locked_until`
  },
  'phone-change': {
    failures: Prisma.sql`phone_change_failures`,
    lockedUntil: Prisma.sql`phone_changes_locked_until`
  }
}

/** A user and their challenge, if any, as one row. A row of NULLs when there is no such user. */
export type UserAndChallengeRow =
  (Omit<User, 'id'> & { userId: string } & (Challenge | { id: null })) | { userId: null }

/** Null when there is no such user. */
export function splitRow(
  row: UserAndChallengeRow
): { user: User; challenge: Challenge | null } | null {
  if (row.userId === null) return null
  const {
    username,
    passwordDigest,
    phone,
    locale,
    disabled,
    claims,
    codeFailures,
    codeLockedUntil,
    confirmationFailures,
    confirmationsLockedUntil,
    phoneChangeFailures,
    phoneChangesLockedUntil,
    ...challenge
  } = row
  return {
    user: {
      id: challenge.userId,
      username,
      passwordDigest,
      phone,
      locale,
      disabled,
      claims,
      codeFailures,
      codeLockedUntil,
      confirmationFailures,
      confirmationsLockedUntil,
      phoneChangeFailures,
      phoneChangesLockedUntil
    },
    challenge: challenge.id === null ? null : challenge
  }
}

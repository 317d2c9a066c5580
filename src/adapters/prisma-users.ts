import type { Challenge } from '../domain/challenge.ts'
import type { User, Users } from '../domain/user.ts'
import type { PrismaBudgets } from './prisma-budgets.ts'
import { Prisma, type PrismaClient } from './prisma/client.ts'

/** Users in PostgreSQL. A look-up that carries charges finds nobody where they had no room. */
export const prismaUsers = (prisma: PrismaClient, budgets: Pick<PrismaBudgets, 'spendWith'>): Users => ({
  async findForLogin (usernameKey, charges, now) {
    const { spending, result } = await budgets.spendWith<Found>(charges, now, charging => Prisma.sql`
      WITH ${charging()}
      SELECT bill.*, found.* FROM bill LEFT JOIN (
        ${userWithChallenge} FROM users u LEFT JOIN challenges c ON c.user_id = u.id AND c.purpose = 'login' WHERE u.username_key = ${usernameKey}
      ) AS found ON bill.paid`)
    return { spending, result: apart(result) }
  },
  async findByChallenge (challengeId, charges, now) {
    const { spending, result } = await budgets.spendWith<Found>(charges, now, charging => Prisma.sql`
      WITH ${charging()}
      SELECT bill.*, found.* FROM bill LEFT JOIN (
        ${userWithChallenge} FROM challenges c JOIN users u ON u.id = c.user_id WHERE c.id = ${challengeId}
      ) AS found ON bill.paid`)
    const found = apart(result)
    return { spending, result: found?.challenge ? { user: found.user, challenge: found.challenge } : null }
  },
  async findForConfirmation ({ id, userId }, purpose, charges, now) {
    const { spending, result } = await budgets.spendWith<Found>(charges, now, charging => Prisma.sql`
      WITH ${charging()}
      SELECT bill.*, found.* FROM bill LEFT JOIN (
        ${userWithChallenge} FROM sessions s JOIN users u ON u.id = s.user_id LEFT JOIN challenges c ON c.user_id = u.id AND c.purpose = ${purpose}
        WHERE s.id = ${id} AND u.id = ${userId}::uuid AND NOT u.disabled AND s.idle_ends_at > ${now}::timestamptz
      ) AS found ON bill.paid`)
    return { spending, result: apart(result) }
  },
  async findBySession ({ id, userId }, now) {
    const [user] = await prisma.$queryRaw<User[]>`
      SELECT u.id, u.username, u.password_digest AS "passwordDigest", u.phone, u.locale, u.disabled,
             u.code_failures AS "codeFailures", u.code_locked_until AS "codeLockedUntil"
      FROM sessions s JOIN users u ON u.id = s.user_id
      WHERE s.id = ${id} AND u.id = ${userId}::uuid AND NOT u.disabled AND s.idle_ends_at > ${now}::timestamptz`
    return user ?? null
  },
  async replaceDigest (id, current, next) {
    await prisma.user.updateMany({ where: { id, passwordDigest: current }, data: { passwordDigest: next } })
  }
})

// By hand, because Prisma's `include` would be a second round trip.
const userWithChallenge = Prisma.sql`
  SELECT u.id AS "userId", u.username, u.password_digest AS "passwordDigest", u.phone, u.locale, u.disabled,
         u.code_failures AS "codeFailures", u.code_locked_until AS "codeLockedUntil",
         c.id, c.purpose, c.code_hash AS "codeHash", c.code_expires_at AS "codeExpiresAt", c.resend_at AS "resendAt",
         c.attempts_left AS "attemptsLeft", c.expires_at AS "expiresAt", c.consumed_at AS "consumedAt", c.subject`

type Found = (Omit<User, 'id'> & { userId: string } & (Challenge | { id: null })) | { userId: null }

function apart (found: Found | null): { user: User, challenge: Challenge | null } | null {
  if (found === null || found.userId === null) return null
  const { username, passwordDigest, phone, locale, disabled, codeFailures, codeLockedUntil, ...challenge } = found
  return {
    user: { id: challenge.userId, username, passwordDigest, phone, locale, disabled, codeFailures, codeLockedUntil },
    challenge: challenge.id === null ? null : challenge
  }
}

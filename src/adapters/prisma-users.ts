import type { Challenge } from '../domain/challenge.ts'
import type { User, Users } from '../domain/user.ts'
import { Prisma, type PrismaClient } from './prisma/client.ts'

/** Users in PostgreSQL. */
export const prismaUsers = (prisma: PrismaClient): Users => ({
  async findForLogin (usernameKey) {
    const [row] = await prisma.$queryRaw<Row[]>`
      ${userWithChallenge} FROM users u LEFT JOIN challenges c ON c.user_id = u.id AND c.purpose = 'login' WHERE u.username_key = ${usernameKey}`
    return row === undefined ? null : apart(row)
  },
  async findByChallenge (challengeId) {
    const [row] = await prisma.$queryRaw<Row[]>`
      ${userWithChallenge} FROM challenges c JOIN users u ON u.id = c.user_id WHERE c.id = ${challengeId}`
    if (row === undefined) return null
    const { user, challenge } = apart(row)
    return challenge === null ? null : { user, challenge }
  },
  async findForConfirmation ({ id, userId }, purpose, now) {
    const [row] = await prisma.$queryRaw<Row[]>`
      ${userWithChallenge} FROM sessions s JOIN users u ON u.id = s.user_id LEFT JOIN challenges c ON c.user_id = u.id AND c.purpose = ${purpose}
      WHERE s.id = ${id} AND u.id = ${userId}::uuid AND NOT u.disabled AND s.idle_ends_at > ${now}::timestamptz`
    return row === undefined ? null : apart(row)
  },
  async findBySession ({ id, userId }, now) {
    const [user] = await prisma.$queryRaw<User[]>`
      SELECT u.id, u.username, u.password_digest AS "passwordDigest", u.phone, u.disabled,
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
  SELECT u.id AS "userId", u.username, u.password_digest AS "passwordDigest", u.phone, u.disabled,
         u.code_failures AS "codeFailures", u.code_locked_until AS "codeLockedUntil",
         c.id, c.purpose, c.code_hash AS "codeHash", c.code_expires_at AS "codeExpiresAt", c.resend_at AS "resendAt",
         c.attempts_left AS "attemptsLeft", c.expires_at AS "expiresAt", c.consumed_at AS "consumedAt", c.subject`

type Row = Omit<User, 'id'> & { userId: string } & (Challenge | { id: null })

function apart ({ username, passwordDigest, phone, disabled, codeFailures, codeLockedUntil, ...challenge }: Row): { user: User, challenge: Challenge | null } {
  return {
    user: { id: challenge.userId, username, passwordDigest, phone, disabled, codeFailures, codeLockedUntil },
    challenge: challenge.id === null ? null : challenge
  }
}

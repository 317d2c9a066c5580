import type { Challenge } from '../domain/challenge.ts'
import type { User, Users } from '../domain/user.ts'
import type { PrismaClient } from './prisma/client.ts'

/** Users in PostgreSQL. */
export const prismaUsers = (prisma: PrismaClient): Users => ({
  async findForLogin (usernameKey) {
    // By hand, because Prisma's `include` would be a second round trip.
    const [row] = await prisma.$queryRaw<LoginRow[]>`
      SELECT u.id AS "userId", u.username, u.password_digest AS "passwordDigest", u.phone, u.disabled,
             u.code_failures AS "codeFailures", u.code_locked_until AS "codeLockedUntil",
             c.id, c.purpose, c.code_hash AS "codeHash", c.code_expires_at AS "codeExpiresAt", c.resend_at AS "resendAt",
             c.attempts_left AS "attemptsLeft", c.expires_at AS "expiresAt", c.consumed_at AS "consumedAt"
      FROM users u LEFT JOIN challenges c ON c.user_id = u.id AND c.purpose = 'login'
      WHERE u.username_key = ${usernameKey}`
    if (row === undefined) return null
    const { username, passwordDigest, phone, disabled, codeFailures, codeLockedUntil, ...challenge } = row
    return {
      user: { id: row.userId, username, passwordDigest, phone, disabled, codeFailures, codeLockedUntil },
      challenge: challenge.id === null ? null : challenge
    }
  },
  find: id => prisma.user.findUnique({ where: { id }, omit: { usernameKey: true, createdAt: true } }),
  async replaceDigest (id, current, next) {
    await prisma.user.updateMany({ where: { id, passwordDigest: current }, data: { passwordDigest: next } })
  }
})

type LoginRow = Omit<User, 'id'> & { userId: string } & (Omit<Challenge, 'userId'> | { id: null })

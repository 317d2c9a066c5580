import type { DeadlinePolicy } from '../../domain/deadlines.ts'
import type { LoginUsers } from '../../domain/login/login-users.ts'
import { digestKind } from '../../domain/login/password-digest.ts'
import type { SessionUsers } from '../../domain/sessions/session-users.ts'
import { Prisma, type PrismaClient } from '../prisma/client.ts'
import { splitRow, userAndChallengeColumns, type UserAndChallengeRow } from './columns.ts'
import { normalizeFound } from './normalize-found.ts'
import type { RateLimitStore } from './rate-limits.ts'

/** Users in PostgreSQL. Each look-up applies rate limits in the same statement. */
export const createUserStore = (
  prisma: PrismaClient,
  rateLimits: Pick<RateLimitStore, 'applyWith'>,
  policy: DeadlinePolicy
): LoginUsers & SessionUsers => ({
  async findForLogin(usernameKey, limits, now) {
    const { row, counts } = await rateLimits.applyWith<UserAndChallengeRow>(
      limits,
      now,
      limitCtes => Prisma.sql`
        WITH ${limitCtes()}
        SELECT verdict.*, found.*
        FROM verdict
        LEFT JOIN (
          SELECT ${userAndChallengeColumns}
          FROM users u
          LEFT JOIN challenges c ON c.user_id = u.id AND c.purpose = 'login'
          WHERE u.username_key = ${usernameKey}
        ) AS found ON verdict.allowed`
    )
    const found = splitRow(row)
    return { found: found && (await normalizeFound(prisma, policy, found, now)), counts }
  },
  async findForSession({ id, userId }, purpose, limits, now) {
    const { row } = await rateLimits.applyWith<
      UserAndChallengeRow & { sessionLanguage: string | null }
    >(
      limits,
      now,
      limitCtes => Prisma.sql`
        WITH ${limitCtes()}
        SELECT verdict.*, found.*
        FROM verdict
        LEFT JOIN (
          SELECT ${userAndChallengeColumns}, s.language AS "sessionLanguage"
          FROM sessions s
          JOIN users u ON u.id = s.user_id
          LEFT JOIN challenges c ON c.user_id = u.id AND c.purpose = ${purpose}
          WHERE s.id = ${id}
            AND u.id = ${userId}::uuid
            AND NOT u.disabled
            AND s.idle_expires_at > ${now}::timestamptz
        ) AS found ON verdict.allowed`
    )
    const { sessionLanguage: language, ...rest } = row
    const found = splitRow(rest)
    return found && { ...(await normalizeFound(prisma, policy, found, now)), language }
  },
  async replaceDigest(id, current, next) {
    await prisma.user.updateMany({
      where: { id, passwordDigest: current },
      data: { passwordDigest: next, passwordKind: digestKind(next) }
    })
  }
})

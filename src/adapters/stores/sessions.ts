import { idleTime, isFromAhead, type DeadlinePolicy } from '../../domain/deadlines.ts'
import type { SessionRef, Sessions, SessionWithClaims } from '../../domain/sessions/session.ts'
import { issuableClaims } from '../../domain/users/claims.ts'
import type { User } from '../../domain/users/user.ts'
import { Prisma, type PrismaClient } from '../prisma/client.ts'
import { canonicalPhone } from '../sms/libphonenumber-phones.ts'
import { capUser } from './cap-deadlines.ts'
import { userColumns } from './columns.ts'
import type { RateLimitStore } from './rate-limits.ts'

/** Sessions in PostgreSQL. A session that ends is deleted; `deleteExpired` deletes expired ones. */
export const createSessionStore = (
  prisma: PrismaClient,
  rateLimits: Pick<RateLimitStore, 'applyWith'>,
  policy: DeadlinePolicy
): Sessions => ({
  async find(id, now) {
    const [found] = await prisma.$queryRaw<SessionWithClaims[]>`
      SELECT ${sessionColumns}, u.claims
      FROM sessions s
      JOIN users u ON u.id = s.user_id
      WHERE s.id = ${id}
        AND NOT u.disabled
        AND s.idle_expires_at > ${now}::timestamptz`
    return found ?? null
  },
  async findUser({ id, userId }, now) {
    const [found] = await prisma.$queryRaw<(User & { idleExpiresAt: Date })[]>`
      SELECT ${userColumns}, s.idle_expires_at AS "idleExpiresAt"
      FROM sessions s
      JOIN users u ON u.id = s.user_id
      WHERE s.id = ${id}
        AND u.id = ${userId}::uuid
        AND NOT u.disabled
        AND s.idle_expires_at > ${now}::timestamptz`
    if (found === undefined) return null
    const { idleExpiresAt, ...user } = found
    if (isFromAhead(idleExpiresAt, idleTime(policy), now))
      await capUser(prisma, policy, userId, now)
    return {
      ...user,
      phone: canonicalPhone(user.phone),
      claims: issuableClaims(user.claims)
    }
  },
  list: (userId, now) =>
    prisma.session.findMany({
      where: { userId, ...notExpired(now) },
      omit: { generation: true },
      orderBy: [{ lastUsedAt: 'desc' }, { id: 'asc' }]
    }),
  async rotate(id, used, { tokenHash, idleExpiresAt, expiresAt }, limits, now) {
    const at = Prisma.sql`${now}::timestamptz`
    const latest = Prisma.sql`${expiresAt}::timestamptz`
    const generation = Prisma.sql`${used.generation}::int`
    // A token without a generation is never newer: a comparison with NULL is not true.
    const { row } = await rateLimits.applyWith<SessionWithClaims | { id: null }>(
      limits,
      now,
      limitCtes => Prisma.sql`
        WITH ${limitCtes()},
        rotated AS (
          UPDATE sessions
          SET
            token_hash = ${tokenHash}::bytea,
            generation = coalesce(${generation} + 1, generation),
            last_used_at = ${at},
            expires_at = least(expires_at, ${latest}),
            idle_expires_at = least(expires_at, ${latest}, ${idleExpiresAt}::timestamptz)
          FROM users, verdict
          WHERE verdict.allowed
            AND sessions.id = ${id}
            AND (token_hash = ${used.hash}::bytea OR generation < ${generation})
            AND idle_expires_at > ${at}
            AND users.id = user_id
            AND NOT users.disabled
          RETURNING sessions.*, users.claims
        )
        SELECT verdict.*, ${sessionColumns}, s.claims
        FROM verdict
        LEFT JOIN rotated AS s ON TRUE`
    )
    return row.id === null ? null : row
  },
  async end(id) {
    const [ended] = await prisma.$queryRaw<SessionRef[]>`
      DELETE FROM sessions
      WHERE id = ${id}
      RETURNING id, user_id AS "userId"`
    return ended ?? null
  },
  async endOwn({ id, userId }, now) {
    const [ended] = await prisma.$queryRaw<SessionRef[]>`
      DELETE FROM sessions
      WHERE id = ${id}
        AND user_id = ${userId}::uuid
        AND idle_expires_at > ${now}::timestamptz
      RETURNING id, user_id AS "userId"`
    return ended ?? null
  },
  endOthers: async ({ id, userId }) => prisma.$queryRaw<SessionRef[]>`
    DELETE FROM sessions
    WHERE id IN (
      SELECT id
      FROM sessions
      WHERE user_id = ${userId}::uuid
        AND id <> ${id}
      ORDER BY id
      FOR UPDATE
    )
    RETURNING id, user_id AS "userId"`
})

/** The columns of `Session`. */
const sessionColumns = Prisma.sql`
  s.id,
  s.user_id AS "userId",
  s.token_hash AS "tokenHash",
  s.client,
  s.language,
  s.created_at AS "createdAt",
  s.last_used_at AS "lastUsedAt",
  s.idle_expires_at AS "idleExpiresAt",
  s.expires_at AS "expiresAt"`

const notExpired = (now: Date) => ({ idleExpiresAt: { gt: now } })

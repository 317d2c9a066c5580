import type { SessionRef, Session, Sessions } from '../domain/session.ts'
import type { PrismaBudgets } from './prisma-budgets.ts'
import { Prisma, type PrismaClient } from './prisma/client.ts'

/** Sessions in PostgreSQL. Those that have ended are removed, at once or, where only their time was up, by `sweep`. */
export const prismaSessions = (prisma: PrismaClient, budgets: Pick<PrismaBudgets, 'spendWith'>): Sessions => ({
  find: (id, now) => prisma.session.findUnique({ where: { id, ...alive(now), user: { disabled: false } } }),
  list: (userId, now) => prisma.session.findMany({ where: { userId, ...alive(now) }, orderBy: [{ lastUsedAt: 'desc' }, { id: 'asc' }] }),
  async rotate (id, used, { tokenHash, idleEndsAt }, charges, now) {
    const { spending, result } = await budgets.spendWith<Session | { id: null }>(charges, now, charging => Prisma.sql`
      WITH ${charging()}, rotated AS (
        UPDATE sessions SET
          token_hash = ${tokenHash}::bytea, last_used_at = ${now}::timestamptz, idle_ends_at = least(ends_at, ${idleEndsAt}::timestamptz)
        FROM users, bill
        WHERE bill.paid AND sessions.id = ${id} AND token_hash = ${used}::bytea AND idle_ends_at > ${now}::timestamptz
          AND users.id = user_id AND NOT users.disabled
        RETURNING sessions.*
      )
      SELECT bill.*, id, user_id AS "userId", token_hash AS "tokenHash", client, created_at AS "createdAt",
             last_used_at AS "lastUsedAt", idle_ends_at AS "idleEndsAt", ends_at AS "endsAt"
      FROM bill LEFT JOIN rotated ON TRUE`)
    return { spending, result: result === null || result.id === null ? null : result }
  },
  async end (id) {
    const [ended] = await prisma.$queryRaw<SessionRef[]>`DELETE FROM sessions WHERE id = ${id} RETURNING id, user_id AS "userId"`
    return ended ?? null
  },
  async endOwn ({ id, userId }, now) {
    const [ended] = await prisma.$queryRaw<SessionRef[]>`
      DELETE FROM sessions WHERE id = ${id} AND user_id = ${userId}::uuid AND idle_ends_at > ${now}::timestamptz
      RETURNING id, user_id AS "userId"`
    return ended ?? null
  },
  endOthers: async ({ id, userId }) => prisma.$queryRaw<SessionRef[]>`
    DELETE FROM sessions WHERE id IN (
      SELECT id FROM sessions WHERE user_id = ${userId}::uuid AND id <> ${id} ORDER BY id FOR UPDATE
    )
    RETURNING id, user_id AS "userId"`
})

const alive = (now: Date) => ({ idleEndsAt: { gt: now } })

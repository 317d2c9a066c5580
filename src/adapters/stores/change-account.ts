import type { SessionRef } from '../../domain/sessions/session.ts'
import { Prisma, type PrismaClient } from '../prisma/client.ts'

type AccountChange = {
  /** The columns of `users` to set. */
  set: Prisma.Sql
  /** What must still be true of the user. */
  ifUser: Prisma.Sql
  /** An aggregate of the user's pending challenges that must be true. */
  ifChallenges?: Prisma.Sql
  /** Another statement, which reads `confirmed` and has no effect while that is empty. */
  also?: Prisma.Sql
}

/**
 * Changes the user of a session. Ends all pending challenges of the user and all sessions except
 * this one. Resolves to the sessions that it ended, or to null, with nothing changed, when a
 * condition is false, the user is disabled, or the session has ended.
 */
export async function changeAccount(
  prisma: PrismaClient,
  { id, userId }: SessionRef,
  {
    set,
    ifUser,
    ifChallenges = Prisma.sql`count(*) >= 0`,
    also = Prisma.sql`SELECT`
  }: AccountChange,
  now: Date
): Promise<SessionRef[] | null> {
  // The first statement only locks the user's row, and the second one does everything or nothing. A
  // single statement that waits for the lock would keep the snapshot from before. It would miss a
  // session or a challenge that a concurrent request has stored, and take a session that a
  // concurrent change has ended for a live one.
  const [, [change]] = await prisma.$transaction([
    prisma.$queryRaw`
      SELECT id
      FROM users
      WHERE id = ${userId}::uuid
      FOR NO KEY UPDATE`,
    // The conditions are aggregates, because EXISTS would stop at the first match and leave the
    // other rows to be locked in no particular order.
    prisma.$queryRaw<{ ended: string[] }[]>`
      WITH locked_challenges AS (
        SELECT id, code_hash
        FROM challenges
        WHERE user_id = ${userId}::uuid
          AND consumed_at IS NULL
        ORDER BY purpose
        FOR NO KEY UPDATE
      ),
      locked_sessions AS (
        SELECT id, idle_expires_at
        FROM sessions
        WHERE user_id = ${userId}::uuid
        ORDER BY id
        FOR UPDATE
      ),
      confirmed AS (
        SELECT id AS user_id
        FROM users
        WHERE id = ${userId}::uuid
          AND NOT disabled
          AND ${ifUser}
          AND (SELECT ${ifChallenges} FROM locked_challenges)
          AND (
            SELECT bool_or(id = ${id} AND idle_expires_at > ${now}::timestamptz)
            FROM locked_sessions
          )
      ),
      ended_challenges AS (
        UPDATE challenges
        SET consumed_at = ${now}::timestamptz
        FROM confirmed
        WHERE challenges.user_id = confirmed.user_id
          AND consumed_at IS NULL
      ),
      ended_sessions AS (
        DELETE FROM sessions
        USING confirmed
        WHERE sessions.user_id = confirmed.user_id
          AND sessions.id <> ${id}
        RETURNING sessions.id
      ),
      also AS (${also}),
      changed AS (
        UPDATE users
        SET ${set}
        FROM confirmed
        WHERE users.id = confirmed.user_id
      )
      SELECT ARRAY (SELECT id FROM ended_sessions) AS ended
      FROM confirmed`
  ])
  return change === undefined ? null : change.ended.map(ended => ({ id: ended, userId }))
}

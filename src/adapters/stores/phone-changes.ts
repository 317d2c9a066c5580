import type { PhoneChanges } from '../../domain/account/phone-changes.ts'
import { classifyDatabaseError } from '../postgres/classify-database-error.ts'
import type { PrismaClient } from '../prisma/client.ts'
import { lockoutColumns } from './columns.ts'

/** Changes of phone numbers in PostgreSQL. */
export const createPhoneChangeStore = (prisma: PrismaClient): PhoneChanges => ({
  async complete({ id, userId, codeHash }, { phone }, session, now) {
    const { failures, lockedUntil } = lockoutColumns['phone-change']
    // The first statement only locks the user's row, and the second one does everything or nothing.
    // A single statement that waits for the lock would keep the snapshot from before, and miss a
    // session or a challenge that a concurrent request has stored.
    const transaction = prisma.$transaction([
      prisma.$queryRaw`
        SELECT id
        FROM users
        WHERE id = ${userId}::uuid
        FOR NO KEY UPDATE`,
      prisma.$queryRaw<StoredChange[]>`
        WITH locked_challenges AS (
          SELECT id, code_hash, new_phone
          FROM challenges
          WHERE user_id = ${userId}::uuid
            AND consumed_at IS NULL
          ORDER BY id
          FOR NO KEY UPDATE
        ),
        pending AS (
          SELECT new_phone
          FROM locked_challenges
          WHERE id = ${id}
            AND code_hash = ${codeHash}
            AND new_phone IS NOT NULL
        ),
        locked_sessions AS (
          SELECT sessions.id, idle_expires_at
          FROM sessions, pending
          WHERE user_id = ${userId}::uuid
          ORDER BY sessions.id
          FOR UPDATE OF sessions
        ),
        confirmed AS (
          SELECT users.id AS user_id, pending.new_phone
          FROM users, pending
          WHERE users.id = ${userId}::uuid
            AND NOT users.disabled
            AND users.phone IS NOT DISTINCT FROM ${phone}
            AND EXISTS (
              SELECT FROM locked_sessions
              WHERE id = ${session.id}
                AND idle_expires_at > ${now}::timestamptz
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
            AND sessions.id <> ${session.id}
          RETURNING sessions.id
        ),
        changed AS (
          UPDATE users
          SET
            phone = confirmed.new_phone,
            phone_changed_at = ${now}::timestamptz,
            ${failures} = 0,
            ${lockedUntil} = NULL
          FROM confirmed
          WHERE users.id = confirmed.user_id
        )
        SELECT
          new_phone AS "newPhone",
          ARRAY (SELECT id FROM ended_sessions) AS ended
        FROM confirmed`
    ])
    const [, [change]] = await transaction.catch(error => findLostChange(prisma, error, id, now))
    if (change === undefined) return null
    const { newPhone, ended } = change
    return { newPhone, ended: ended.map(sessionId => ({ id: sessionId, userId })) }
  }
})

type StoredChange = { newPhone: string; ended: string[] }

/**
 * After the connection broke: the change of this call, if it was committed. Otherwise throws the
 * error.
 */
async function findLostChange(
  prisma: PrismaClient,
  error: unknown,
  id: string,
  now: Date
): Promise<[unknown, StoredChange[]]> {
  if (classifyDatabaseError(error, '')?.facts.reason !== 'disconnected') throw error
  const stored = await prisma.challenge
    .findUnique({ where: { id, consumedAt: now }, include: { user: true } })
    .catch(() => null)
  const newPhone = stored?.newPhone ?? null
  if (newPhone === null || stored?.user.phone !== newPhone) throw error
  return [null, [{ newPhone, ended: [] }]]
}

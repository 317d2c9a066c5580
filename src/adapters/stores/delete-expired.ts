import { permanentLimitNames } from '../../domain/codes/undeliverable.ts'
import type { PrismaClient } from '../prisma/client.ts'

const batchSize = 1000
const maxBatches = 50

/** How long a number that can't receive messages stays marked after the last attempt, in days. */
const markedDays = 365

/**
 * Deletes rate limits whose windows have ended, and expired sessions. Keeps the marks of numbers
 * that can't receive messages for a year. Uses small statements that skip locked rows, so that no
 * request waits for them.
 */
export async function deleteExpired(prisma: PrismaClient, now: Date): Promise<void> {
  await inBatches(
    () => prisma.$executeRaw`
      WITH expired_limits AS (
        SELECT key
        FROM rate_limits
        WHERE resets_at <= ${now}::timestamptz
          AND (
            split_part(key, ':', 1) <> ALL(${permanentLimitNames}::text[])
            OR resets_at <= ${now}::timestamptz - make_interval(days => ${markedDays}::int)
          )
        ORDER BY resets_at
        LIMIT ${batchSize}
        FOR UPDATE SKIP LOCKED
      )
      DELETE FROM rate_limits
      WHERE key IN (SELECT key FROM expired_limits)`
  )
  await inBatches(
    () => prisma.$executeRaw`
      WITH expired_sessions AS (
        SELECT id
        FROM sessions
        WHERE idle_expires_at <= ${now}::timestamptz
        ORDER BY idle_expires_at
        LIMIT ${batchSize}
        FOR UPDATE SKIP LOCKED
      )
      DELETE FROM sessions
      WHERE id IN (SELECT id FROM expired_sessions)`
  )
}

/** Repeats until a batch isn't full. The next call deletes what is left after `maxBatches`. */
async function inBatches(deleteBatch: () => Promise<number>): Promise<void> {
  for (let batch = 0; batch < maxBatches; batch++) if ((await deleteBatch()) < batchSize) return
}

import type { PrismaClient } from './prisma/client.ts'

const batch = 1000
const batchesAtMost = 50

/**
 * Removes what nobody misses: counters whose windows are over, as names, numbers and addresses make new ones all day, and
 * sessions whose time is up. In small statements, and past what others hold, so that no request waits for it.
 */
export async function sweep (prisma: PrismaClient, now: Date): Promise<void> {
  await inBatches(() => prisma.$executeRaw`
    DELETE FROM counters WHERE key IN (
      SELECT key FROM counters WHERE ends_at <= ${now}::timestamptz ORDER BY ends_at LIMIT ${batch} FOR UPDATE SKIP LOCKED
    )`)
  await inBatches(() => prisma.$executeRaw`
    DELETE FROM sessions WHERE id IN (
      SELECT id FROM sessions WHERE idle_ends_at <= ${now}::timestamptz ORDER BY idle_ends_at LIMIT ${batch} FOR UPDATE SKIP LOCKED
    )`)
}

/** Again until a batch isn't full; what is left after so many is left for the next time. */
async function inBatches (removeBatch: () => Promise<number>): Promise<void> {
  for (let turn = 0; turn < batchesAtMost; turn++) if (await removeBatch() < batch) return
}

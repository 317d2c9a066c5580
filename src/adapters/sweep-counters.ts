import type { PrismaClient } from './prisma/client.ts'

const batch = 1000
const batchesAtMost = 50

/**
 * Removes counters whose windows are over: nobody misses them, and names, numbers and addresses make new ones all day. In
 * small statements, and past what others hold, so that no login waits for it.
 */
export async function sweepCounters (prisma: PrismaClient, now: Date): Promise<void> {
  for (let turn = 0; turn < batchesAtMost; turn++) {
    const removed = await prisma.$executeRaw`
      DELETE FROM counters WHERE key IN (
        SELECT key FROM counters WHERE ends_at <= ${now}::timestamptz ORDER BY ends_at LIMIT ${batch} FOR UPDATE SKIP LOCKED
      )`
    if (removed < batch) return
  }
}

import type { PrismaClient } from '../../src/adapters/prisma/client.ts'

/**
 * Locks the table of challenges while `work` runs. `work` gets a function that resolves when a
 * given number of statements wait for the lock.
 */
export const holdChallengesLock = <T>(
  server: PrismaClient,
  work: (waiting: (count: number) => Promise<void>) => Promise<T>
) =>
  server.$transaction(
    async lock => {
      await lock.$executeRaw`LOCK TABLE challenges IN ACCESS EXCLUSIVE MODE`
      return work(async count => {
        while (true) {
          const waiting = await server.$queryRaw<unknown[]>`
          SELECT pid
          FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock'`
          if (waiting.length >= count) return
          await new Promise(resolve => setTimeout(resolve, 10))
        }
      })
    },
    { maxWait: 20_000, timeout: 60_000 }
  )

import type { Prisma, PrismaClient } from '../../src/adapters/prisma/client.ts'

/**
 * Runs `work` while a transaction holds the locks that `acquire` takes. `work` gets a function that
 * resolves when a given number of statements wait for a lock.
 */
export const holdLock = <T>(
  server: PrismaClient,
  acquire: (holder: Prisma.TransactionClient) => Promise<unknown>,
  work: (waiting: (count: number) => Promise<void>) => Promise<T>
) =>
  server.$transaction(
    async holder => {
      await holder.$executeRaw`SET LOCAL idle_in_transaction_session_timeout = 0`
      await acquire(holder)
      return work(count => waitForLocks(server, count))
    },
    { maxWait: 20_000, timeout: 60_000 }
  )

/** Resolves when this many statements wait for a lock. Rejects after half a minute. */
async function waitForLocks(server: PrismaClient, count: number): Promise<void> {
  for (let attempt = 0; attempt < 3000; attempt++) {
    const waiting = await server.$queryRaw<unknown[]>`
      SELECT pid
      FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`
    if (waiting.length >= count) return
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  throw new Error(`fewer than ${count} statements wait for a lock`)
}

/**
 * Starts `work` after the first step of a transaction. When `work` waits for its lock, the
 * transaction takes its second step and commits. Resolves to the result of `work`.
 */
export async function interleave<T>(
  server: PrismaClient,
  first: (other: Prisma.TransactionClient) => Promise<unknown>,
  work: () => Promise<T>,
  second: (other: Prisma.TransactionClient) => Promise<unknown>
): Promise<T | undefined> {
  let result: Promise<T> | undefined
  await server.$transaction(
    async other => {
      await first(other)
      result = work()
      await waitForLocks(server, 1)
      await second(other)
    },
    { maxWait: 20_000, timeout: 60_000 }
  )
  return result
}

/** Counts the deadlocks in this database, including those whose statement was retried. */
export async function countDeadlocks(server: PrismaClient): Promise<number | undefined> {
  const [row] = await server.$queryRaw<{ deadlocks: number }[]>`
    SELECT deadlocks::int
    FROM pg_stat_database
    WHERE datname = current_database()`
  return row?.deadlocks
}

/** Runs `work` while the table of challenges is locked. */
export const holdChallengesLock = <T>(
  server: PrismaClient,
  work: (waiting: (count: number) => Promise<void>) => Promise<T>
) =>
  holdLock(
    server,
    holder => holder.$executeRaw`LOCK TABLE challenges IN ACCESS EXCLUSIVE MODE`,
    work
  )

import { setTimeout as sleep } from 'node:timers/promises'
import { classifyDatabaseError } from './classify-database-error.ts'
import type { Database } from './database.ts'
import { type Engine, pendingMigrations } from './migrations.ts'

/** Milliseconds that a check may take. */
const deadlineMs = 5000

/**
 * Milliseconds within which a database that works answers some statement, however many wait. The
 * server ends each statement after 10 seconds, and that error is an answer.
 */
const silenceMs = 15_000

export type ReadinessTimes = { deadlineMs: number; silenceMs: number }

/**
 * Whether the database responds, has all migrations and accepts writes. A check that finds no free
 * connection, or is slow, shows either load or a database that hangs. Under load other statements
 * complete, so the check passes while they do. Never throws.
 */
export async function databaseReady(
  { engine, answeredAt }: Pick<Database, 'engine' | 'answeredAt'>,
  times: ReadinessTimes = { deadlineMs, silenceMs }
): Promise<boolean> {
  const timer = new AbortController()
  const result = await Promise.race([
    check(engine),
    sleep(times.deadlineMs, undefined, { ref: false, signal: timer.signal })
  ])
  timer.abort()
  return result ?? performance.now() - answeredAt() < times.silenceMs
}

/** Undefined when this process uses all its connections. */
async function check(engine: Pick<Engine, 'query'>): Promise<boolean | undefined> {
  try {
    if ((await pendingMigrations(engine)).length > 0) return false
    // A login needs this lock, which a read-only server refuses. The failed statement also makes
    // the pool drop the connection. Older connections would never see a corrected setting.
    await engine.query('SELECT FROM users LIMIT 0 FOR SHARE')
    return true
  } catch (error) {
    return classifyDatabaseError(error, '')?.facts.reason === 'busy' ? undefined : false
  }
}

import type { Events } from '../../domain/events.ts'
import { createOutage } from '../logs/create-outage.ts'
import { databaseReady } from './database-ready.ts'
import type { Database } from './database.ts'

/** Milliseconds between two checks whether the database has recovered. */
const checkEveryMs = 1000

/** Watches a database that has failed until it works again. */
export type DatabaseRecovery = {
  /**
   * Call this for each request that failed because of the database, with the reason. `busy` is no
   * outage: without a free connection the cause is the load of this service.
   */
  failed: (reason: string) => void
  /** Stops watching. Call this once. */
  stop: () => void
}

/** Without `silenceMs`, a check that gets no answer does not pass because of earlier answers. */
const times = { deadlineMs: 5000, silenceMs: 0 }

/**
 * Records `database.recovered` when a failed database is ready again. A statement that succeeds is
 * not enough, because a read-only database still answers some. Checks only during an outage.
 */
export function createDatabaseRecovery(
  database: Pick<Database, 'engine' | 'answeredAt'>,
  events: Events,
  everyMs = checkEveryMs
): DatabaseRecovery {
  const outage = createOutage('database.recovered', events)
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  function checkLater() {
    if (!stopped) timer = setTimeout(() => void check(), everyMs).unref()
  }

  async function check() {
    const startedAt = performance.now()
    if (!(await databaseReady(database, times)) || !outage.succeeded(startedAt)) checkLater()
  }

  return {
    failed(reason) {
      if (reason !== 'busy' && outage.failed()) checkLater()
    },
    stop() {
      stopped = true
      clearTimeout(timer)
    }
  }
}

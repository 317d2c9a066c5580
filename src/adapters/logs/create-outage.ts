import type { Events } from '../../domain/events.ts'

/** An outage of one dependency, from its first failure to its first success after the last one. */
export type Outage = {
  /** Returns true for the failure that begins an outage. */
  failed: () => boolean
  /**
   * Tells of a success of something that began at `startedAt`, on the clock of `performance.now()`.
   * Ends the outage, unless there was a failure after `startedAt`. Returns true if none is left.
   */
  succeeded: (startedAt: number) => boolean
}

/** Records `name` once at the end of each outage, and not for each request. */
export function createOutage(name: 'database.recovered' | 'sms.recovered', events: Events): Outage {
  let current: { since: number; failures: number; lastFailureAt: number } | undefined
  return {
    failed() {
      const now = performance.now()
      const { since, failures } = current ?? { since: now, failures: 0 }
      current = { since, failures: failures + 1, lastFailureAt: now }
      return failures === 0
    },
    succeeded(startedAt) {
      if (current === undefined) return true
      if (startedAt < current.lastFailureAt) return false
      const { since, failures } = current
      current = undefined
      const seconds = Math.round((performance.now() - since) / 1000)
      events.record({ name, context: null, seconds, failures })
      return true
    }
  }
}

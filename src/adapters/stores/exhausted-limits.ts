import { LRUCache } from 'lru-cache'

/**
 * Milliseconds for which an exhausted limit is refused without asking the database. Another
 * instance may have refunded a use in the meantime.
 */
const rememberForMs = 5000

/** The exhausted limits that this instance knows of, by their keys in the database. */
type ExhaustedLimits = {
  /** When the limit resets; undefined when it is not known to be exhausted. */
  resetsAt: (key: string, now: Date) => Date | undefined
  remember: (key: string, resetsAt: Date, now: Date) => void
  forget: (key: string) => void
}

/** Remembers up to 10,000 exhausted limits, so that a flood of requests causes no statements. */
export function createExhaustedLimits(): ExhaustedLimits {
  const known = new LRUCache<string, { resetsAt: Date; recheckAt: Date }>({ max: 10_000 })
  return {
    resetsAt(key, now) {
      const entry = known.get(key)
      // A recheck further away than a new one was stored before the clock was set back.
      const isCurrent =
        entry !== undefined &&
        entry.resetsAt > now &&
        entry.recheckAt > now &&
        entry.recheckAt.getTime() <= now.getTime() + rememberForMs
      return isCurrent ? entry.resetsAt : undefined
    },
    remember(key, resetsAt, now) {
      known.set(key, { resetsAt, recheckAt: new Date(now.getTime() + rememberForMs) })
    },
    forget(key) {
      known.delete(key)
    }
  }
}

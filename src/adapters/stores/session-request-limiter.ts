import { LRUCache } from 'lru-cache'
import PQueue from 'p-queue'
import { after } from '../../domain/clock.ts'
import type { SessionRequestLimiter } from '../../domain/rate-limits/limit-session-requests.ts'
import { rateLimited } from '../../domain/rate-limits/rate-limit.ts'
import { Refusal } from '../../domain/refusal.ts'

export type SessionRequestSettings = {
  /** Concurrent requests. Keep this well below the number of database connections. */
  concurrency: number
  /** Requests that may wait. */
  queue: number
  /** Milliseconds that a request may wait. */
  patienceMs: number
}

/** Rate limits and a queue for session requests, in the memory of this process. */
export function createSessionRequestLimiter({
  concurrency,
  queue,
  patienceMs
}: SessionRequestSettings): SessionRequestLimiter {
  // Bounded. A session or network that is evicted only starts a new window.
  const windows = new LRUCache<string, { count: number; resetsAt: Date }>({ max: 20_000 })
  const turns = new PQueue({ concurrency })

  return {
    consume(limits, now) {
      const requested = limits.map(limit => {
        const id = [limit.name, ...Object.values(limit.key)].join('\n')
        const latest = after(now, limit.windowSeconds)
        const stored = windows.get(id)
        // A window that ends later than a new one was opened before the clock was set back.
        const isCurrent = stored !== undefined && stored.resetsAt > now && stored.resetsAt <= latest
        return { limit, id, window: isCurrent ? stored : { count: 0, resetsAt: latest } }
      })
      const exhausted = requested.find(({ limit, window }) => window.count >= limit.max)
      if (exhausted !== undefined)
        throw rateLimited(exhausted.limit, exhausted.window.resetsAt, now)
      for (const { id, window } of requested)
        windows.set(id, { ...window, count: window.count + 1 })
    },
    async run(work) {
      if (turns.size >= queue) throw new Refusal('busy')
      const waiting = new AbortController()
      const timer = setTimeout(() => waiting.abort(new Refusal('busy')), patienceMs)
      return turns.add(
        () => {
          // From here on the statement's own timeout applies.
          clearTimeout(timer)
          return work()
        },
        { signal: waiting.signal }
      )
    }
  }
}

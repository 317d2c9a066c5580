import type { Clock } from '../../domain/clock.ts'

const cacheMs = 1000

/**
 * Shares one readiness check among all callers and caches its result for a second, so that a flood
 * of probes loads the database no more than one probe.
 */
export function createSharedReadiness(
  check: () => Promise<boolean>,
  clock: Clock
): () => Promise<boolean> {
  let ready = false
  let checkedAt = -Infinity
  let running: Promise<boolean> | undefined
  const run = async () => {
    ready = await check()
    checkedAt = clock().getTime()
    return ready
  }
  return async () => {
    // The difference is negative after the clock is set back.
    if (Math.abs(clock().getTime() - checkedAt) < cacheMs) return ready
    running ??= run().finally(() => {
      running = undefined
    })
    return running
  }
}

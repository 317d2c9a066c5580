import { setTimeout as sleep } from 'node:timers/promises'

/** `total` counts all work. `results` has only the work that ended within the measured time. */
export type Done<T> = { total: number; results: T[]; perSecond: number }

/**
 * Runs `work` in `concurrency` loops for `ms` milliseconds. The first `settle` milliseconds don't
 * count.
 */
export async function closedLoop<T>(
  concurrency: number,
  { ms, settle = 500 }: { ms: number; settle?: number },
  work: () => Promise<T>
): Promise<Done<T>> {
  const from = performance.now() + settle
  const results: T[] = []
  let total = 0
  const loop = async () => {
    while (performance.now() < from + ms) {
      const result = await work()
      total++
      const now = performance.now()
      if (now >= from && now < from + ms) results.push(result)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, loop))
  return { total, results, perSecond: (results.length / ms) * 1000 }
}

/** Runs `work` for each item, at most `concurrency` concurrently. */
export async function forEach<I, T>(
  items: readonly I[],
  concurrency: number,
  work: (item: I) => Promise<T>
): Promise<T[]> {
  const left = items.values()
  const results: T[] = []
  const loop = async () => {
    for (const item of left) results.push(await work(item))
  }
  await Promise.all(Array.from({ length: concurrency }, loop))
  return results
}

/**
 * Starts `work` at a fixed rate, whether or not earlier work has ended, as independent users
 * arrive. Resolves when all work has ended. `results` and `perSecond` cover the work that ended
 * between `settle` and `ms`. `started` covers the work that started after `settle`, however late it
 * ended, so that it includes slow responses.
 */
export async function openLoop<T>(
  perSecond: number,
  { ms, settle = 1000 }: { ms: number; settle?: number },
  work: (nth: number) => Promise<T>
): Promise<Done<T> & { started: T[] }> {
  const startedAt = performance.now()
  const results: T[] = []
  const started: T[] = []
  const all: Promise<void>[] = []
  const workOnce = async (nth: number) => {
    const isSettled = performance.now() - startedAt >= settle
    const result = await work(nth)
    const after = performance.now() - startedAt
    if (after >= settle && after < ms) results.push(result)
    if (isSettled) started.push(result)
  }
  for (let nth = 0; (nth * 1000) / perSecond < ms; nth++) {
    const ahead = (nth * 1000) / perSecond - (performance.now() - startedAt)
    if (ahead > 0) await sleep(ahead)
    const running = workOnce(nth)
    running.catch(() => {}) // Promise.all below reports the error.
    all.push(running)
  }
  await Promise.all(all)
  return { total: all.length, results, started, perSecond: (results.length / (ms - settle)) * 1000 }
}

import { setTimeout as sleep } from 'node:timers/promises'

/** `total` counts all work. `results` has only the work that ended within the measured time. */
export type Done<T> = { total: number; results: T[]; perSecond: number }

/**
 * Runs `work` in `atOnce` concurrent loops for `ms` milliseconds. The first `settle` milliseconds
 * don't count.
 */
export async function closedLoop<T>(
  atOnce: number,
  { ms, settle = 500 }: { ms: number; settle?: number },
  work: () => Promise<T>
): Promise<Done<T>> {
  const from = performance.now() + settle
  const results: T[] = []
  let total = 0
  const workOn = async () => {
    while (performance.now() < from + ms) {
      const result = await work()
      total++
      const now = performance.now()
      if (now >= from && now < from + ms) results.push(result)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, workOn))
  return { total, results, perSecond: (results.length / ms) * 1000 }
}

/** Runs `work` for each item, at most `atOnce` concurrently. */
export async function forEach<I, T>(
  items: readonly I[],
  atOnce: number,
  work: (item: I) => Promise<T>
): Promise<T[]> {
  const left = items.values()
  const results: T[] = []
  const workOn = async () => {
    for (const item of left) results.push(await work(item))
  }
  await Promise.all(Array.from({ length: atOnce }, workOn))
  return results
}

/**
 * Starts `work` at a fixed rate, whether or not earlier work has ended, as independent users
 * arrive. Resolves when all work has ended. `results` and `perSecond` cover the work that ended
 * between `settle` and `ms`. `begun` covers the work that started after `settle`, however late it
 * ended, so that it includes slow responses.
 */
export async function openLoop<T>(
  perSecond: number,
  { ms, settle = 1000 }: { ms: number; settle?: number },
  work: (nth: number) => Promise<T>
): Promise<Done<T> & { begun: T[] }> {
  const started = performance.now()
  const results: T[] = []
  const begun: T[] = []
  const all: Promise<void>[] = []
  const workOnce = async (nth: number) => {
    const isSettled = performance.now() - started >= settle
    const result = await work(nth)
    const after = performance.now() - started
    if (after >= settle && after < ms) results.push(result)
    if (isSettled) begun.push(result)
  }
  for (let nth = 0; (nth * 1000) / perSecond < ms; nth++) {
    const ahead = (nth * 1000) / perSecond - (performance.now() - started)
    if (ahead > 0) await sleep(ahead)
    const one = workOnce(nth)
    one.catch(() => {}) // Promise.all below reports it.
    all.push(one)
  }
  await Promise.all(all)
  return { total: all.length, results, begun, perSecond: (results.length / (ms - settle)) * 1000 }
}

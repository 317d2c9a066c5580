import { existsSync, readdirSync, stat } from 'node:fs'
import { setPriority } from 'node:os'

/**
 * Of a core that both want, a thread of the pool gets two thirds of what the one that answers gets, by Linux's weights. With more
 * niceness a flood of requests takes the core from those that are let in; with none, everybody waits for hashes.
 */
const niceness = 2

/**
 * Starts Node's pool of threads, on which passwords are hashed, with threads that yield to the one that answers requests: where
 * both want the same core that one goes first, so that who verifies a code doesn't wait for the hashes of others. On Linux,
 * where a priority is a thread's own; elsewhere the pool is as ever. To be called before the pool is first used.
 */
export function startYieldingPool () {
  if (!existsSync('/proc/self/task')) return
  const threads = () => readdirSync('/proc/self/task')
  const before = new Set(threads())
  // Anything that is done on the pool starts all of its threads.
  stat('/', () => {})
  for (const thread of threads()) if (!before.has(thread)) setPriority(Number(thread), niceness)
}

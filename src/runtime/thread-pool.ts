import { existsSync, readdirSync, stat } from 'node:fs'
import { setPriority } from 'node:os'
import type { Config } from '../config/config.ts'

// argon2 hashes passwords on libuv's thread pool. Node also reads files and looks up host names
// there.

/**
 * Threads that hashes never use. There are only two, because each thread that has hashed keeps the
 * memory of a hash.
 */
const threadsKeptFree = 2

/**
 * Sets UV_THREADPOOL_SIZE to the number of concurrent hashes plus two, so that nothing waits behind
 * a flood of logins. Keeps the operator's own setting. Call this before the pool is first used.
 */
export function sizeThreadPool({ argon2 }: Config) {
  process.env['UV_THREADPOOL_SIZE'] ||= String(argon2.concurrency + threadsKeptFree)
}

/**
 * Lowers the number of concurrent hashes so that two threads of the pool stay free. The pool is
 * smaller than `sizeThreadPool` requests if the operator set its size or started without the
 * preload.
 */
export function capConcurrencyToThreadPool(config: Config): Config {
  // As in libuv: 4 if the variable is not set, 1 if it isn't a number.
  const threads = Number.parseInt(process.env['UV_THREADPOOL_SIZE'] ?? '4') || 1
  const { argon2 } = config
  return {
    ...config,
    argon2: {
      ...argon2,
      concurrency: Math.max(1, Math.min(argon2.concurrency, threads - threadsKeptFree))
    }
  }
}

/**
 * The niceness of the pool's threads. With Linux's weights, a hash then gets two thirds of the CPU
 * time that the event loop gets on a shared core. With a higher niceness, a flood of requests would
 * starve the hashes of accepted logins. Without it, every request would wait for hashes.
 */
const niceness = 2

/**
 * Starts the thread pool with a lower priority than the event loop, so that verifying a code does
 * not wait for the hashes of other logins. Does nothing except on Linux, where each thread has its
 * own priority. Call this before the pool is first used. Throws if a sandbox forbids it.
 */
export function startLowPriorityThreadPool() {
  if (!existsSync('/proc/self/task')) return
  const threads = () => readdirSync('/proc/self/task')
  const before = new Set(threads())
  // Any work on the pool starts all of its threads.
  stat('/', () => {})
  for (const thread of threads()) if (!before.has(thread)) setPriority(Number(thread), niceness)
}

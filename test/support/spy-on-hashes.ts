import argon2 from 'argon2'
import type { Test } from 'tap'
import type { Passwords } from '../../src/domain/login/passwords.ts'

/**
 * Counts the password hashes from now on, and can hold them back while a test prepares something.
 * Restores argon2 at the end of the test.
 */
export function spyOnHashes(t: Test) {
  const { verify } = argon2
  const counted = { started: 0, completed: 0, running: 0, maxConcurrent: 0 }
  let held = Promise.resolve()
  let release = () => {}
  let onStart = () => {}

  argon2.verify = async (digest, password) => {
    counted.started++
    counted.maxConcurrent = Math.max(counted.maxConcurrent, ++counted.running)
    onStart()
    await held
    try {
      // A digest in the wrong format is rejected without hashing, which does not count.
      const isCorrect = await verify(digest, password)
      if (/^\$argon2(id|i|d)\$/.test(digest)) counted.completed++
      return isCorrect
    } finally {
      counted.running--
    }
  }
  t.teardown(() => {
    release()
    argon2.verify = verify
  })

  return {
    completed: () => counted.completed,
    /** The highest number of hashes at the same time. */
    maxConcurrent: () => counted.maxConcurrent,
    /** Resolves when this many hashes have started. */
    started: (count: number) =>
      new Promise<void>(resolve => {
        onStart = () => {
          if (counted.started >= count) resolve()
        }
        onStart()
      }),
    /** Makes new hashes wait for `release`. */
    hold() {
      held = new Promise(resolve => {
        release = resolve
      })
    },
    release: () => release()
  }
}

/** Whether the queue has no slot for another password. */
export function isFull(reserveSlot: Passwords['reserveSlot']): boolean {
  try {
    reserveSlot()()
    return false
  } catch {
    return true
  }
}

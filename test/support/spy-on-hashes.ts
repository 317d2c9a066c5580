import argon2 from 'argon2'
import type { Test } from 'tap'
import type { Passwords } from '../../src/domain/login/passwords.ts'

/**
 * Counts the password hashes from now on, and can hold them back while a test prepares something.
 * Restores argon2 at the end of the test.
 */
export function spyOnHashes(t: Test) {
  const { verify } = argon2
  const counted = { begun: 0, done: 0, running: 0, atOnce: 0 }
  let held = Promise.resolve()
  let release = () => {}
  let onBegun = () => {}

  argon2.verify = async (digest, password) => {
    counted.begun++
    counted.atOnce = Math.max(counted.atOnce, ++counted.running)
    onBegun()
    await held
    try {
      // A digest in the wrong format is rejected without hashing, which does not count.
      const right = await verify(digest, password)
      if (/^\$argon2(id|i|d)\$/.test(digest)) counted.done++
      return right
    } finally {
      counted.running--
    }
  }
  t.teardown(() => {
    release()
    argon2.verify = verify
  })

  return {
    done: () => counted.done,
    /** The highest number of hashes at the same time. */
    atOnce: () => counted.atOnce,
    /** Resolves when this many hashes have begun. */
    begun: (count: number) =>
      new Promise<void>(resolve => {
        onBegun = () => {
          if (counted.begun >= count) resolve()
        }
        onBegun()
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

/** Whether the queue has no room for another password. */
export function isFull(expect: Passwords['reserveSlot']): boolean {
  try {
    expect()()
    return false
  } catch {
    return true
  }
}

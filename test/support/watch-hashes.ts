import argon2 from 'argon2'
import type { Test } from 'tap'
import type { Passwords } from '../../src/domain/passwords.ts'

/** Watches the passwords that are checked from here on, and holds the hashes back for a test that sets a scene meanwhile. */
export function watchHashes (t: Test) {
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
      // One that stops at the form of the digest, by an error or by a no, is over before a real one could be.
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
    /** The most that there have been at the same time. */
    atOnce: () => counted.atOnce,
    /** Resolves when this many have begun. */
    begun: (count: number) => new Promise<void>(resolve => {
      onBegun = () => { if (counted.begun >= count) resolve() }
      onBegun()
    }),
    /** Lets those that begin from now on wait for `release`. */
    hold () { held = new Promise(resolve => { release = resolve }) },
    release: () => release()
  }
}

/** Whether there is no place for one more. */
export function isFull (expect: Passwords['expect']): boolean {
  try {
    expect()()
    return false
  } catch {
    return true
  }
}

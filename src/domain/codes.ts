import { createHmac, randomInt, timingSafeEqual } from 'node:crypto'
import type { Challenge, Purpose } from './challenge.ts'

/** What a code is bound to: digits that open one challenge are only digits to another. */
type Bound = { id: string, purpose: Purpose }

/** Draws codes and keeps them as keyed hashes. */
export type Codes = {
  /** `length` digits, uniformly drawn, other than the one `previous` holds. */
  draw: (previous: Challenge | null) => string
  hash: (bound: Bound, code: string) => Uint8Array<ArrayBuffer>
  /** Compares in constant time. */
  matches: (challenge: Challenge, code: string) => boolean
}

/**
 * Six digits gain nothing from a slow hash and everything from a key: without it, a stolen table is a million guesses long.
 * `keys`: 32 bytes each; the first hashes, all are tried, so that a key can be changed while codes are on their way.
 */
export function codesOf (length: number, keys: readonly [Buffer, ...Buffer[]]): Codes {
  const hashWith = (key: Buffer, { id, purpose }: Bound, code: string) =>
    new Uint8Array(createHmac('sha256', key).update(`${purpose}\n${id}\n${code}`).digest())

  const codes: Codes = {
    draw (previous) {
      const code = String(randomInt(10 ** length)).padStart(length, '0')
      return previous !== null && codes.matches(previous, code) ? codes.draw(previous) : code
    },
    hash: (bound, code) => hashWith(keys[0], bound, code),
    matches: (challenge, code) => keys.some(key => timingSafeEqual(challenge.codeHash, hashWith(key, challenge, code)))
  }
  return codes
}

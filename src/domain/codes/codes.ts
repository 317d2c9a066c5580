import { createHmac, randomInt, timingSafeEqual } from 'node:crypto'
import type { Challenge } from './challenge.ts'
import type { Purpose } from './purpose.ts'

/** What a code is bound to. The same digits are wrong for any other challenge. */
type CodeBinding = { id: string; purpose: Purpose }

/** Draws codes and hashes them. */
export type Codes = {
  /** `length` digits, drawn uniformly, and different from the code of `previous`. */
  draw: (previous: Challenge | null) => string
  hash: (binding: CodeBinding, code: string) => Uint8Array<ArrayBuffer>
  /** Compares in constant time. */
  matches: (challenge: Challenge, code: string) => boolean
}

/**
 * Hashes codes with HMAC-SHA-256. There are only a million codes of six digits, so even a slow hash
 * would not protect them in a stolen table. The key does. `keys` have 32 bytes each. The first one
 * hashes and all of them verify, so that a key can be replaced while codes are in use.
 */
export function createCodes(length: number, keys: readonly [Buffer, ...Buffer[]]): Codes {
  const hashWith = (key: Buffer, { id, purpose }: CodeBinding, code: string) =>
    new Uint8Array(createHmac('sha256', key).update(`${purpose}\n${id}\n${code}`).digest())

  const codes: Codes = {
    draw(previous) {
      const code = String(randomInt(10 ** length)).padStart(length, '0')
      return previous !== null && codes.matches(previous, code) ? codes.draw(previous) : code
    },
    hash: (binding, code) => hashWith(keys[0], binding, code),
    matches: (challenge, code) =>
      keys.some(key => timingSafeEqual(challenge.codeHash, hashWith(key, challenge, code)))
  }
  return codes
}

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** 256 random bits. The prefix lets scanners find a key that was committed or logged by mistake. */
export const generateApiKey = () => `sms-login_${randomBytes(32).toString('base64url')}`

/** SHA-256 of a key exactly as it is printed. A key that can't be guessed needs no slow hash. */
export const hashApiKey = (key: string) => createHash('sha256').update(key).digest()

/**
 * The one of `hashes` that belongs to this key; undefined if none does. Compares in constant time
 * and with all of them, so the time does not depend on which one matches.
 */
export function matchingHash(hashes: readonly Buffer[], key: string): Buffer | undefined {
  const hash = hashApiKey(key)
  return hashes.filter(known => timingSafeEqual(known, hash))[0]
}

/** A short name of a key for events. */
export const apiKeyId = (hash: Buffer) => hash.toString('hex').slice(0, 8)

import { createHmac } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { deriveKey } from '../../domain/derive-key.ts'
import type { RateLimit } from '../../domain/rate-limits/rate-limit.ts'

/** Roughly the bytes that a cache entry takes in addition to its text. */
const entryOverhead = 128

/** The keys of rate limits in the database, with usernames, numbers and addresses as hashes. */
type LimitKeys = {
  /** The key of the row that counts this limit. */
  keyOf: (limit: RateLimit) => string
  /** The hashes in the keys of all limits whose `key` contains these parts. */
  hashesOf: (key: RateLimit['key']) => string[]
}

/** Keys whose hashes depend on `secret`. */
export function createLimitKeys(secret: Buffer): LimitKeys {
  const hmacKey = deriveKey(secret, 'rate-limits')
  // A request names the same few usernames and addresses many times. Callers can invent usernames
  // of any length, so the cache is bounded by bytes, and no text longer than a username is cached.
  const hashes = new LRUCache<string, string>({
    max: 10_000,
    maxSize: 2 * 1024 * 1024,
    maxEntrySize: 1024,
    sizeCalculation: (_hash, text) => 2 * text.length + entryOverhead,
    memoMethod: text => createHmac('sha256', hmacKey).update(text).digest('base64url').slice(0, 22)
  })
  const hashesOf = (key: RateLimit['key']) =>
    Object.entries(key).map(([part, value]) => hashes.memo(`${part}\n${value}`))
  return { keyOf: ({ name, key }) => limitKey(name, hashesOf(key)), hashesOf }
}

/** The key of the limit with this name and the hashes of its key. */
export const limitKey = (name: RateLimit['name'], hashes: readonly string[]) =>
  [name, ...hashes].join(':')

import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import argon2 from 'argon2'
import {
  kindOf,
  parseDigest,
  unusableDigest,
  type PasswordDigest
} from '../../domain/login/password-digest.ts'
import { passwordForm, type Passwords } from '../../domain/login/passwords.ts'
import { createDecoys } from './decoys.ts'
import {
  createHashQueue,
  type HashObserver,
  type HashQueueSettings,
  type HashQueueState
} from './hash-queue.ts'
import { matchesDigest } from './matches-digest.ts'

export type PasswordSettings = HashQueueSettings & {
  /** KiB of memory for a hash, on one lane. OWASP's minimum is 19456. */
  memoryKib: number
  /** Passes over the memory. OWASP's minimum is 2. */
  time: number
}

/** Passwords that can be compared with decoys of all stored kinds. */
export type PasswordsWithDecoys = Passwords & {
  /**
   * Uses the number of users by the kind of their digest (see `digestKind`) for the decoys from now
   * on. Compares one decoy of each kind that is new. Call this when the numbers have changed.
   */
  useKinds: (counts: ReadonlyMap<string, number>) => Promise<void>
  queueState: () => HashQueueState
}

const noObserver: HashObserver = { waited() {}, hashed() {}, refused() {} }

/**
 * Hashes passwords with argon2id (RFC 9106), a 16-byte salt and a 32-byte tag, and verifies those
 * and all other digests that `parseDigest` reads. The methods throw `busy` if the queue is full.
 * Instances with the same `decoyKey` compare an unknown username with the same kind of decoy.
 */
export function createPasswords(
  { memoryKib, time, ...limits }: PasswordSettings,
  decoyKey = randomBytes(32),
  observer = noObserver
): PasswordsWithDecoys {
  const queue = createHashQueue(limits, observer)
  const decoys = createDecoys(decoyKey, `argon2id:m=${memoryKib},t=${time},p=1`, async digest =>
    queue.enqueueAlways(async () => {
      const startedAt = performance.now()
      await matchesDigest(digest, 'the password of no user')
      return performance.now() - startedAt
    })
  )

  /** Undefined if the digest could not be compared. */
  async function compare(digest: PasswordDigest, password: string): Promise<boolean | undefined> {
    const startedAt = performance.now()
    const result = await matchesDigest(digest, password).catch(() => undefined)
    if (result === undefined) return undefined
    const duration = performance.now() - startedAt
    decoys.record(kindOf(digest), duration)
    observer.hashed(duration)
    return result
  }

  // The cost is memory times passes. More lanes don't make a hash cheaper. argon2.needsRehash would
  // also call a digest of higher cost outdated.
  const isCheaper = (memory: number, passes: number) => memory * passes < memoryKib * time
  const isCurrent = (digest: PasswordDigest) =>
    digest.algorithm === 'argon2id' &&
    digest.version === 19 &&
    !isCheaper(digest.memory, digest.passes)

  return {
    reserveSlot: queue.reserveSlot,
    useKinds: decoys.useKinds,
    queueState: queue.state,
    async hash(password, replaces = unusableDigest) {
      const replaced = parseDigest(replaces)
      const cost =
        'memory' in replaced && !isCheaper(replaced.memory, replaced.passes)
          ? {
              memoryCost: replaced.memory,
              timeCost: replaced.passes,
              parallelism: replaced.lanes
            }
          : { memoryCost: memoryKib, timeCost: time, parallelism: 1 }
      return queue.enqueue(async () => {
        const startedAt = performance.now()
        const options = { ...cost, type: argon2.argon2id, hashLength: 32 }
        const digest = await argon2.hash(passwordForm(password), options)
        observer.hashed(performance.now() - startedAt)
        return digest
      }, 1)
    },
    async verify({ digest, usernameKey }, password, signal) {
      const hasDigest = digest !== null && digest !== unusableDigest
      const stored = hasDigest ? parseDigest(digest) : undefined
      const readable = stored === undefined || 'error' in stored ? undefined : stored
      const normalized = passwordForm(password)
      // The number of hashes depends only on the typed password, not on whether the user exists.
      const forms = [...new Set([normalized, password])]
      let unreadable = hasDigest && readable === undefined
      const { startedAt, match } = await queue.enqueue(
        async () => {
          const startedAt = performance.now()
          for (const form of forms) {
            const result = readable && (await compare(readable, form))
            if (result === true) return { startedAt, match: form }
            if (result === undefined) await compare(decoys.decoyFor(usernameKey), form)
            unreadable ||= readable !== undefined && result === undefined
          }
          return { startedAt, match: undefined }
        },
        forms.length,
        signal
      )
      if (match !== undefined && readable !== undefined)
        return { right: true, outdated: match !== normalized || !isCurrent(readable), unreadable }
      const end = startedAt + forms.length * decoys.longest()
      await waitUntil(end, signal)
      return { right: false, outdated: false, unreadable }
    }
  }
}

/** Waits without a place in the queue. Ends early if `signal` aborts, because nobody waits then. */
async function waitUntil(time: number, signal?: AbortSignal): Promise<void> {
  const milliseconds = time - performance.now()
  if (milliseconds <= 0) return
  await setTimeout(milliseconds, undefined, signal === undefined ? {} : { signal }).catch(() => {})
}

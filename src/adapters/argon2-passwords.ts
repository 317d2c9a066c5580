import argon2 from 'argon2'
import { randomBytes } from 'node:crypto'
import PQueue from 'p-queue'
import type { Passwords } from '../domain/passwords.ts'
import { Refusal } from '../domain/refusal.ts'

export type Argon2Settings = {
  /** What a hash costs: KiB of memory and passes over it, on one lane. OWASP's floor is 19456 and 2. */
  memoryKib: number
  time: number
  /** Hashes at once: more than there are cores only take memory and the time of other requests. */
  concurrency: number
  /** Hashes that may wait for their turn. */
  queue: number
}

/** Passwords as argon2id digests (RFC 9106) with a 16-byte salt and a 32-byte tag. Throws `busy` when too many are waiting. */
export async function argon2Passwords ({ memoryKib, time, concurrency, queue }: Argon2Settings): Promise<Passwords> {
  const cost = { type: argon2.argon2id, memoryCost: memoryKib, timeCost: time, parallelism: 1, hashLength: 32 } as const
  // Nobody's digest: hashed against where there is none, so that a no takes as long as a yes.
  const nobodys = await argon2.hash(randomBytes(32).toString('hex'), cost)

  const turns = new PQueue({ concurrency })
  let expected = 0
  const isFull = () => turns.pending + turns.size + expected >= concurrency + queue
  const inTurn = async <T>(work: () => Promise<T>, gone?: AbortSignal) => {
    if (isFull()) throw new Refusal('busy')
    // The queue would take an abort for the end of what is running, and begin another hash beside it: it is told of those
    // who leave while they wait, and no longer. `busy` is true, they were kept waiting for too long, and a plain refusal
    // that nobody reads is neither an error in the log nor a problem of its own to document.
    const waiting = new AbortController()
    const leave = () => waiting.abort(new Refusal('busy'))
    gone?.addEventListener('abort', leave, { once: true })
    if (gone?.aborted) leave()
    return turns.add(() => {
      gone?.removeEventListener('abort', leave)
      return work()
    }, { signal: waiting.signal })
  }
  const check = async (digest: string | null, password: string) => {
    // What it can't parse argon2 throws at, and another algorithm's digest it refuses, both in no time at all.
    const isArgon2 = digest !== null && /^\$argon2(id|i|d)\$/.test(digest)
    const right = isArgon2 ? await argon2.verify(digest, password).catch(() => undefined) : undefined
    if (right === undefined) await argon2.verify(nobodys, password)
    return right ?? false
  }

  // Not argon2.needsRehash, to which a dearer digest is outdated as well.
  const isCheaper = (digest: string) => {
    const parameter = (name: string) => Number(new RegExp(`^\\$argon2id\\$v=19\\$(?:\\w=\\d+,)*${name}=(\\d+)`).exec(digest)?.[1] ?? 0)
    return parameter('m') < memoryKib || parameter('t') < time || parameter('p') !== cost.parallelism
  }

  return {
    expect () {
      if (isFull()) throw new Refusal('busy')
      expected++
      let waiting = true
      return () => {
        if (waiting) expected--
        waiting = false
      }
    },
    hash: async password => inTurn(() => argon2.hash(password, cost)),
    async verify (digest, password, gone) {
      const right = await inTurn(() => check(digest, password), gone)
      return { right, outdated: right && digest !== null && isCheaper(digest) }
    }
  }
}

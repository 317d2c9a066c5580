import argon2 from 'argon2'
import { randomBytes } from 'node:crypto'
import type { Passwords } from '../domain/passwords.ts'

/** What a hash costs: KiB of memory and passes over it, on one lane. OWASP's floor is 19456 and 2. */
export type Argon2Cost = { memoryKib: number, time: number }

/** Passwords as argon2id digests (RFC 9106) with a 16-byte salt and a 32-byte tag. */
export async function argon2Passwords ({ memoryKib, time }: Argon2Cost): Promise<Passwords> {
  const cost = { type: argon2.argon2id, memoryCost: memoryKib, timeCost: time, parallelism: 1, hashLength: 32 } as const
  const hash = (password: string) => argon2.hash(password, cost)
  // Nobody's digest: hashed against where there is none, so that a no takes as long as a yes.
  const nobodys = await hash(randomBytes(32).toString('hex'))
  const refuse = async (password: string) => {
    await argon2.verify(nobodys, password)
    return false
  }

  return {
    hash,
    async verify (digest, password) {
      if (digest === null) return { right: await refuse(password), outdated: false }
      // argon2 throws, in no time at all, on a digest that it can't parse.
      const right = await argon2.verify(digest, password).catch(() => refuse(password))
      return { right, outdated: right && (!digest.startsWith('$argon2id$') || argon2.needsRehash(digest, cost)) }
    }
  }
}

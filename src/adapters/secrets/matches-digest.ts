import { createCipheriv, createHash, pbkdf2, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import argon2 from 'argon2'
import bcrypt from 'bcrypt'
import type { PasswordDigest } from '../../domain/login/password-digest.ts'

type Digest<Algorithm> = Extract<PasswordDigest, { algorithm: Algorithm }>
type Pbkdf2Digest = Digest<'pbkdf2-sha1' | 'pbkdf2-sha256' | 'pbkdf2-sha512'>
type ScryptDigest = Pick<Digest<'scrypt'>, 'cost' | 'salt'>

const pbkdf2Async = promisify(pbkdf2)

/**
 * Whether a password, in UTF-8, has this digest. The work is done on libuv's thread pool. Throws
 * only if there is not enough memory.
 */
export async function matchesDigest(digest: PasswordDigest, password: string): Promise<boolean> {
  switch (digest.algorithm) {
    case 'argon2id':
    case 'argon2i':
    case 'argon2d':
      return argon2.verify(digest.text, password)
    case 'bcrypt':
      return bcrypt.compare(password, digest.text)
    case 'bcrypt-sha256':
      // Django hashes the hexadecimal form, which has less than bcrypt's 72 bytes.
      return bcrypt.compare(createHash('sha256').update(password).digest('hex'), digest.text)
    case 'pbkdf2-sha1':
    case 'pbkdf2-sha256':
    case 'pbkdf2-sha512':
      return matchesPbkdf2(digest, password)
    case 'scrypt':
      return timingSafeEqual(await scryptKey(digest, password, digest.key.length), digest.key)
    case 'firescrypt':
      return matchesFirebase(digest, password)
  }
}

const digestSizes = { sha1: 20, sha256: 32, sha512: 64 }

/**
 * RFC 8018 §5.2. A key that is longer than the hash consists of blocks that take equally long.
 * Keycloak derives two for SHA-256. The first one is enough for a comparison.
 */
async function matchesPbkdf2(
  { algorithm, iterations, salt, key }: Pbkdf2Digest,
  password: string
): Promise<boolean> {
  const hash =
    algorithm === 'pbkdf2-sha1' ? 'sha1' : algorithm === 'pbkdf2-sha256' ? 'sha256' : 'sha512'
  const block = key.subarray(0, digestSizes[hash])
  return timingSafeEqual(await pbkdf2Async(password, salt, iterations, block.length, hash), block)
}

/** https://github.com/firebase/scrypt: the key encrypts the project's signer key with AES-CTR. */
async function matchesFirebase(digest: Digest<'firescrypt'>, password: string): Promise<boolean> {
  const key = await scryptKey(digest, password, 32)
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  return timingSafeEqual(cipher.update(digest.signerKey), digest.encrypted)
}

function scryptKey({ cost, salt }: ScryptDigest, password: string, length: number) {
  const [N, r, p] = [2 ** cost.ln, cost.r, cost.p]
  // What OpenSSL allocates is a little more than 128 × r × (N + p) bytes.
  const maxmem = 128 * r * (N + p + 8)
  return new Promise<Buffer>((resolve, reject) => {
    scrypt(password, salt, length, { N, r, p, maxmem }, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}

import { randomBytes } from 'node:crypto'
import { bcryptAlphabet, encodeBase64, kindOf, parseDigest } from './password-digest.ts'

/**
 * A digest that takes as long to compare as all others of this kind (see `digestKind`). Salt and
 * hash are random, so it matches no password. Undefined if no readable digest has this kind.
 */
export function decoyDigest(kind: string): string | undefined {
  const [algorithm = '', cost = ''] = kind.split(':')
  const bcryptHash = toBcryptBase64(random(16)) + toBcryptBase64(random(23))
  const bcrypt = `$2b$${cost.padStart(2, '0')}$${bcryptHash}`
  const decoys = [
    `$${algorithm}$v=19$${cost}$${random(16)}$${random(32)}`,
    bcrypt,
    `bcrypt_sha256$${bcrypt}`,
    `$${algorithm}$i=${cost},l=20$${random(16)}$${random(20)}`,
    `$${algorithm}$${cost}$${random(16)}$${random(64)}`,
    `$${algorithm}$${cost}$${random(16)}$${random(64)}$${random(1)}$${random(64)}`
  ]
  return decoys.find(decoy => {
    const digest = parseDigest(decoy)
    return !('error' in digest) && kindOf(digest) === kind
  })
}

const random = (bytes: number) => encodeBase64(randomBytes(bytes))

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

const toBcryptBase64 = (base64: string) =>
  base64.replaceAll(/./g, digit => bcryptAlphabet[alphabet.indexOf(digit)] ?? '')

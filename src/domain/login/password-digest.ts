/** A digest of a password: its algorithm, its cost, and what a comparison needs. */
export type PasswordDigest =
  | {
      algorithm: 'argon2id' | 'argon2i' | 'argon2d'
      /** In PHC form. */
      text: string
      /** 19 in RFC 9106, 16 before it. */
      version: number
      /** KiB. */
      memory: number
      passes: number
      lanes: number
    }
  | {
      algorithm: 'bcrypt' | 'bcrypt-sha256'
      /** In bcrypt's own form, `$2b$12$…`. */
      text: string
      /** The binary logarithm of the number of rounds. */
      cost: number
    }
  | {
      algorithm: 'pbkdf2-sha1' | 'pbkdf2-sha256' | 'pbkdf2-sha512'
      iterations: number
      salt: Buffer
      key: Buffer
    }
  | { algorithm: 'scrypt'; cost: ScryptCost; salt: Buffer; key: Buffer }
  | {
      algorithm: 'firescrypt'
      cost: ScryptCost
      salt: Buffer
      /** Firebase's `signerKey`, encrypted with the password. */
      encrypted: Buffer
      signerKey: Buffer
    }

/** RFC 7914 §2: N is 2 to the power of `ln`. */
type ScryptCost = { ln: number; r: number; p: number }

/** Stored for a user without a password. No password matches it. */
export const unusableDigest = '!'

/**
 * Parses a stored digest, in one of the forms that `normalizeDigest` returns. An `error` is a
 * sentence for the operator that contains nothing of the digest. Digests of high cost are errors,
 * because comparing a few of them would block all other logins.
 */
export function parseDigest(digest: string): PasswordDigest | { error: string } {
  if (/^(bcrypt_sha256\$)?\$2/.test(digest)) return parseBcrypt(digest)
  const id = /^\$([a-z\d-]+)\$/.exec(digest)?.[1] ?? ''
  const format = phcFormats.find(({ ids }) => ids.includes(id))
  if (format === undefined)
    return {
      error:
        'This is not a password hash in a supported form. ' +
        'If it is the password itself, import it as a password, not as a hash.'
    }
  const [, parameters = '', data = ''] = phcForm.exec(digest) ?? []
  const pairs = parameters
    .split(/[$,]/)
    .filter(pair => pair !== '')
    .map(pair => pair.split('='))
  const bytes = data.split('$').map(decodeBase64)
  const [salt, key, ...others] = bytes
  if (
    !format.parameters.test(pairs.map(([name]) => name).join()) ||
    bytes.length !== format.parts ||
    !isLong(salt, 4, 128) ||
    !isLong(key, 16, 128)
  )
    return { error: `The ${format.name} hash is incomplete or malformed.` }
  const numbers = Object.fromEntries(pairs.map(([name, value]) => [name, Number(value)]))
  return format.read({ id, numbers, salt, key, others, digest })
}

/**
 * The kind of a stored digest: its algorithm and the cost that determines how long a comparison
 * takes. For example `argon2id:m=19456,t=2,p=1`, `bcrypt:12`, `pbkdf2-sha256:260000` or
 * `scrypt:ln=14,r=8,p=5`. A user without a password has the kind `unusable`. The kind of a digest
 * that `parseDigest` rejects is `unreadable`.
 */
export function digestKind(digest: string): string {
  const parsed = parseDigest(digest)
  if ('error' in parsed) return digest === unusableDigest ? 'unusable' : 'unreadable'
  return kindOf(parsed)
}

/** See `digestKind`. */
export const kindOf = (digest: PasswordDigest) => `${digest.algorithm}:${costOf(digest)}`

function costOf(digest: PasswordDigest): string {
  switch (digest.algorithm) {
    case 'argon2id':
    case 'argon2i':
    case 'argon2d':
      return `m=${digest.memory},t=${digest.passes},p=${digest.lanes}`
    case 'bcrypt':
    case 'bcrypt-sha256':
      return `${digest.cost}`
    case 'pbkdf2-sha1':
    case 'pbkdf2-sha256':
    case 'pbkdf2-sha512':
      return `${digest.iterations}`
    case 'scrypt':
    case 'firescrypt':
      return `ln=${digest.cost.ln},r=${digest.cost.r},p=${digest.cost.p}`
  }
}

/** An identifier, numeric parameters, and base64 without padding. */
const phcForm = /^\$[a-z\d-]+\$((?:[a-z]+=\d+[,$])+)([A-Za-z\d+/]+(?:\$[A-Za-z\d+/]+)*)$/

type Parts = {
  id: string
  numbers: Record<string, number>
  salt: Buffer
  key: Buffer
  others: (Buffer | undefined)[]
  digest: string
}

type PhcFormat = {
  name: string
  ids: string[]
  /** The names of the parameters. */
  parameters: RegExp
  /** The number of salts, keys and the like. */
  parts: number
  read: (parts: Parts) => PasswordDigest | { error: string }
}

const phcFormats: PhcFormat[] = [
  {
    name: 'Argon2',
    ids: ['argon2id', 'argon2i', 'argon2d'],
    parameters: /^(v,)?m,t,p$/,
    parts: 2,
    read({ id, numbers: { v: version = 16, m = 0, t = 0, p = 0 }, salt, digest }) {
      // The ranges of RFC 9106 §3.1, and those of ARGON2_MEMORY_KIB and ARGON2_TIME.
      if (![16, 19].includes(version) || !isLong(salt, 8, 128) || p < 1 || m < 8 * p || t < 1)
        return { error: 'The Argon2 hash has invalid parameters.' }
      if (m > 4_194_304 || t > 100 || p > 255)
        return { error: 'Argon2 hashes may use at most m=4194304, t=100 and p=255.' }
      return {
        algorithm: id as 'argon2id' | 'argon2i' | 'argon2d', // One of `ids`.
        text: digest,
        version,
        memory: m,
        passes: t,
        lanes: p
      }
    }
  },
  {
    name: 'PBKDF2',
    ids: ['pbkdf2-sha1', 'pbkdf2-sha256', 'pbkdf2-sha512'],
    parameters: /^i,l$/,
    parts: 2,
    read({ id, numbers: { i: iterations = 0, l }, salt, key }) {
      if (iterations < 1 || l !== key.length)
        return { error: 'The PBKDF2 hash has invalid parameters.' }
      if (iterations > 2_000_000)
        return { error: 'PBKDF2 hashes may have at most 2000000 iterations.' }
      return {
        algorithm: id as 'pbkdf2-sha1' | 'pbkdf2-sha256' | 'pbkdf2-sha512', // One of `ids`.
        iterations,
        salt,
        key
      }
    }
  },
  {
    name: 'scrypt',
    ids: ['scrypt'],
    parameters: /^ln,r,p$/,
    parts: 2,
    read({ numbers: { ln = 0, r = 0, p = 0 }, salt, key }) {
      const cost = { ln, r, p }
      const error = scryptError(cost)
      return error === undefined ? { algorithm: 'scrypt', cost, salt, key } : { error }
    }
  },
  {
    name: 'Firebase scrypt',
    ids: ['firescrypt'],
    parameters: /^ln,r,p$/,
    parts: 4,
    read({ numbers: { ln = 0, r = 0, p = 0 }, salt, key, others: [separator, signerKey] }) {
      const cost = { ln, r, p }
      const error = scryptError(cost)
      if (error !== undefined) return { error }
      if (p !== 1 || !isLong(separator, 1, 64) || signerKey?.length !== key.length)
        return { error: 'The Firebase scrypt hash has invalid parameters.' }
      return {
        algorithm: 'firescrypt',
        cost,
        salt: Buffer.concat([salt, separator]),
        encrypted: key,
        signerKey
      }
    }
  }
]

function scryptError({ ln, r, p }: ScryptCost): string | undefined {
  if (ln < 1 || r < 1 || p < 1) return 'The scrypt hash has invalid parameters.'
  if (ln > 17) return 'scrypt hashes may use at most N=131072 (ln=17).'
  if (2 ** ln * r > 2 ** 20) return 'scrypt hashes may use at most 128 MiB (N × r × 128 bytes).'
  if (2 ** ln * r * p > 2 ** 21) return 'scrypt hashes may use at most N × r × p = 2097152.'
  return undefined
}

/** The 64 digits of bcrypt's base64, by their values. */
export const bcryptAlphabet = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** The last digits of the salt and the hash encode fewer bits than the others. */
const bcryptForm =
  /^(bcrypt_sha256\$)?(\$2[ab]\$(\d\d)\$[./A-Za-z\d]{21}[.Oeu][./A-Za-z\d]{30}[.CGKOSWaeimquy26])$/

function parseBcrypt(digest: string): PasswordDigest | { error: string } {
  const [, sha256, text, digits] = bcryptForm.exec(digest) ?? []
  if (text === undefined) return { error: 'The bcrypt hash is incomplete or malformed.' }
  const cost = Number(digits)
  if (cost < 4) return { error: 'The bcrypt hash has an invalid cost.' }
  if (cost > 14) return { error: 'bcrypt hashes may have at most cost 14.' }
  return { algorithm: sha256 === undefined ? 'bcrypt' : 'bcrypt-sha256', text, cost }
}

/** Undefined unless `text` is base64 as in PHC strings: without padding and unused bits. */
function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return encodeBase64(bytes) === text ? bytes : undefined
}

/** Base64 without padding, as in PHC strings. */
export const encodeBase64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '')

const isLong = (bytes: Buffer | undefined, min: number, max: number): bytes is Buffer =>
  bytes !== undefined && bytes.length >= min && bytes.length <= max

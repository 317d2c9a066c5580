import { bcryptAlphabet, encodeBase64, parseDigest } from './password-digest.ts'

/**
 * A hash of another system in the form in which it is stored; `unusable` if that system stored that
 * the user has no password; or the reason why it can't be stored, a sentence for the operator that
 * contains nothing of the hash.
 */
export type NormalizedDigest = { digest: string } | { unusable: true } | { error: string }

/**
 * Normalizes a password hash of another system. It accepts argon2 and scrypt in PHC form, bcrypt
 * (`$2a$`, `$2b$`, `$2y$`), all of Django's hashers except those that are too weak, and
 * `$pbkdf2-sha256$i=…,l=…$salt$hash` (also `-sha1`, `-sha512`) and
 * `$firescrypt$ln=…,r=…,p=1$salt$hash$separator$signerKey`, as Kratos writes hashes of Keycloak and
 * Firebase. A hash that costs seconds is refused.
 */
export function normalizeDigest(text: string): NormalizedDigest {
  const hash = text.trim()
  // Django's mark, followed by random characters.
  if (hash.startsWith('!')) return { unusable: true }
  const error = unsupported.find(({ form }) => form.test(hash))?.error
  if (error !== undefined) return { error }
  const digest = toStoredForm(hash)
  const parsed = parseDigest(digest)
  if ('error' in parsed) return parsed
  if ('memory' in parsed && (parsed.memory > 131_072 || parsed.passes > 10 || parsed.lanes > 64))
    return { error: 'Argon2 hashes may use at most m=131072 (128 MiB), t=10 and p=64.' }
  return { digest }
}

const weak = (name: string) =>
  `The hash is ${name}, which is too weak to import. Set a new password for this user.`

const unknown = (name: string) =>
  `The hash is ${name}, which can't be imported. Set a new password for this user.`

const unsupported = [
  { form: /^$/, error: 'The hash is empty. Set a new password for this user.' },
  { form: /^(unsalted_)?md5\$|^[\da-f]{32}$/i, error: weak('MD5') },
  { form: /^(unsalted_)?sha1\$|^[\da-f]{40}$|^\{S?SHA\}/i, error: weak('SHA-1') },
  {
    form: /^[\da-f]{64}$|^[\da-f]{128}$|^\{S?SHA(256|512)\}/i,
    error: weak('SHA-2 without a cost')
  },
  { form: /^crypt\$|^\$1\$/, error: weak('a hash of crypt') },
  { form: /^\$[56]\$/, error: unknown('a SHA-2 hash of crypt') },
  { form: /^\$[PH]\$/, error: weak('a hash of phpass (WordPress)') },
  { form: /^\$wp\$/, error: unknown("WordPress's form of bcrypt") }
]

/** Rewrites the forms of other systems. Leaves all other texts as they are. */
function toStoredForm(hash: string): string {
  const [hasher = '', first = '', second = '', third = '', fourth = '', fifth = ''] =
    hash.split('$')
  switch (hasher) {
    // Django: django/contrib/auth/hashers.py. Salts are texts there.
    case 'argon2':
      return hash.slice('argon2'.length)
    case 'bcrypt':
      return toBcrypt(hash.slice('bcrypt$'.length))
    case 'bcrypt_sha256':
      return `bcrypt_sha256$${toBcrypt(hash.slice('bcrypt_sha256$'.length))}`
    case 'pbkdf2_sha1':
      return `$pbkdf2-sha1$i=${first},l=20$${textSalt(second)}$${toPhcBase64(third)}`
    case 'pbkdf2_sha256':
      return `$pbkdf2-sha256$i=${first},l=32$${textSalt(second)}$${toPhcBase64(third)}`
    case 'scrypt':
      return (
        `$scrypt$ln=${Math.log2(Number(first))},r=${third},p=${fourth}` +
        `$${textSalt(second)}$${toPhcBase64(fifth)}`
      )
    default:
      return hash.startsWith('$2')
        ? toBcrypt(hash)
        : hash
            .split('$')
            .map((part, i) => (i < 2 || /^[a-z]+=\d/.test(part) ? part : toPhcBase64(part)))
            .join('$')
  }
}

const textSalt = (salt: string) => encodeBase64(Buffer.from(salt))

/** Removes padding, and replaces the alphabet for URLs (RFC 4648 §5) by the standard one. */
const toPhcBase64 = (text: string) =>
  text.replace(/=+$/, '').replaceAll('-', '+').replaceAll('_', '/')

/**
 * PHP writes `$2y$` where others write `$2b$`. The last digit of a salt has only two bits, but some
 * programs store more.
 */
const toBcrypt = (hash: string) =>
  hash
    .replace(/^\$2y\$/, '$2b$')
    .replace(
      /^(\$2[ab]\$\d\d\$.{21})([./A-Za-z\d])/,
      (_, start: string, digit: string) =>
        start + bcryptAlphabet[bcryptAlphabet.indexOf(digit) & 0b110000]
    )

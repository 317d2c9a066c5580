import t from 'tap'
import { digestKind, parseDigest, unusableDigest } from '../../src/domain/login/password-digest.ts'
import { normalizeDigest } from '../../src/domain/login/normalize-digest.ts'
import { foreignHashes, unusableHashes, weakHashes } from '../support/foreign-hashes.ts'

const stored = (hash: string) => {
  const normalized = normalizeDigest(hash)
  return 'digest' in normalized ? normalized.digest : `not stored: ${JSON.stringify(normalized)}`
}
const errorOf = (hash: string) => {
  const normalized = normalizeDigest(hash)
  return 'error' in normalized ? normalized.error : undefined
}
const salt = 'c2FsdHNhbHRzYWx0c2FsdA'
const key = 'A'.repeat(43)

t.test('hashes of other systems', async t => {
  for (const { from, hash, kind } of foreignHashes)
    t.test(`a hash of ${from} can be imported, and its kind is ${kind}`, async t => {
      t.equal(digestKind(stored(hash)), kind)
      t.equal(stored(` ${hash}\n`), stored(hash), 'surrounding spaces are ignored')
      t.equal(stored(stored(hash)), stored(hash), 'the stored form is accepted unchanged')
    })

  t.test('hashes of different systems are stored in a few forms', async t => {
    t.equal(stored(`pbkdf2_sha256$1000$salt$${key}=`), `$pbkdf2-sha256$i=1000,l=32$c2FsdA$${key}`)
    t.equal(stored(`argon2$argon2id$v=19$m=1024,t=2,p=1$${salt}$${key}`).slice(0, 9), '$argon2id')
    const bcrypt = '07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTTOq'
    t.equal(stored(`$2y$${bcrypt}`), `$2b$${bcrypt}`)
    t.equal(stored(`bcrypt$$2b$${bcrypt}`), `$2b$${bcrypt}`)
    t.equal(stored(`$2a$${bcrypt}`), `$2a$${bcrypt}`)
    t.equal(
      stored('$2b$07$BCryptRequires22Chrctf/VlQH0piJtjXl.0t1XkA8pw9dMXTTOq'),
      `$2b$${bcrypt}`,
      'unused bits of the salt are cleared'
    )
  })

  t.test('a marker for "no password" is neither a hash nor an error', async t => {
    for (const unusable of [...unusableHashes, '!', '!!'])
      t.same(normalizeDigest(unusable), { unusable: true })
    t.equal(digestKind(unusableDigest), 'unusable')
  })

  for (const { from, hash } of weakHashes)
    t.test(`the hash ${hash.slice(0, 8)}… of ${from} is refused with advice`, async t => {
      t.match(
        errorOf(hash),
        /^The hash is .*too weak to import\. Set a new password for this user\.$/
      )
      t.notMatch(errorOf(hash), hash)
    })

  const refused: [string, RegExp][] = [
    ['', /is empty/],
    ['  ', /is empty/],
    ['correct horse battery', /import it as a password/],
    ['hunter2', /import it as a password/],
    ['5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8', /SHA-1/],
    ['ef92b778bafe771e89245b89ecbc08a44a4e166c06659911881f383d4473e94f', /SHA-2 without a cost/],
    ['{SSHA}DkMTwBl+a/3DQTxCYEApdUtNXGgdUac3', /SHA-1/],
    ['$1$abcdefgh$0123456789abcdefghijkl', /crypt/],
    ['$6$rounds=5000$salt$hash', /crypt/],
    ['$P$BabcdefghijklmnopqrstuvwxyzABCD', /phpass/],
    ['$wp$2y$10$abc', /WordPress/],
    ['$2x$12$CPCPGVfKZrYDmYCk1neuwOUg0iFqHhpTpH4BEdxGXjghezid5MC0W', /malformed/],
    [`$pbkdf2-md5$i=1000,l=32$${salt}$${key}`, /supported form/],
    [`$scrypt$ln=14,r=8,p=1$${salt}`, /incomplete/],
    [`$scrypt$ln=14,r=8$${salt}$${key}`, /incomplete/],
    [`pbkdf2_sha256$NaN$salt$${key}=`, /incomplete/],
    [`pbkdf2_sha256$-1$salt$${key}=`, /incomplete/],
    [`pbkdf2_sha256$0$salt$${key}=`, /invalid/],
    [`pbkdf2_sha256$1000$$${key}=`, /incomplete/],
    [`pbkdf2_sha256$1000$salt$${key.slice(0, 40)}`, /invalid/],
    [`pbkdf2_sha256$1000$salt$${key.slice(0, 42)}!`, /incomplete/],
    [`scrypt$16383$salt$8$5$${key}`, /incomplete/],
    [`$argon2id$v=99$m=1024,t=1,p=1$${salt}$${key}`, /invalid/],
    [`$argon2id$v=19$m=7,t=1,p=1$${salt}$${key}`, /invalid/],
    [`$argon2id$v=19$m=1024,t=1,p=1$c2FsdA$${key}`, /invalid/],
    [`$argon2id$v=19$m=1024,t=1,p=1$${salt}$AAAA`, /incomplete/],
    [`$argon2id$v=19$t=1,m=1024,p=1$${salt}$${key}`, /incomplete/],
    [`$argon2id$v=19$m=1024,t=1,p=1,data=AAAA$${salt}$${key}`, /incomplete/],
    ['$2b$12$CPCPGVfKZrYDmYCk1neuwOUg0iFqHhpTpH4BEdxGXjghezid5MC0', /incomplete/],
    ['$2b$12$CPCPGVfKZrYDmYCk1neuwOUg0iFqHhpTpH4BEdxGXjghezid5MC0X', /malformed/],
    [`$firescrypt$ln=14,r=8,p=1$${salt}$${key}$Bw$AAAA`, /invalid/]
  ]
  for (const [hash, error] of refused)
    t.test(`${JSON.stringify(hash.slice(0, 70))} is refused`, async t => {
      t.match(errorOf(hash), error)
      t.notMatch(errorOf(hash), /\n/)
      if (hash.trim() !== '') t.notOk(errorOf(hash)?.includes(hash))
    })

  t.test('an incomplete hash is never accepted', async t => {
    for (const { hash, password } of foreignHashes) {
      const digest = stored(hash)
      // An argon2 or scrypt hash does not contain its own length.
      const shortest = /^\$(argon2|scrypt)/.test(digest) ? digest.lastIndexOf('$') + 22 : Infinity
      for (let length = 0; length < Math.min(digest.length, shortest); length++)
        if ('digest' in normalizeDigest(digest.slice(0, length)))
          t.fail(`${password} ${digest.slice(0, length)}`)
    }
  })
})

t.test('costs', async t => {
  const bcrypt = '$CPCPGVfKZrYDmYCk1neuwOUg0iFqHhpTpH4BEdxGXjghezid5MC0W'
  const argon2 = (type: string, cost: string) => `$${type}$v=19$${cost}$${salt}$${key}`
  const bounds: [parameter: string, bound: string, highest: string, refused: string[]][] = [
    [
      'iterations of Django',
      '2000000 iterations',
      `pbkdf2_sha256$2000000$salt$${key}=`,
      [`pbkdf2_sha256$2000001$salt$${key}=`]
    ],
    [
      'iterations of Keycloak',
      '2000000 iterations',
      `$pbkdf2-sha512$i=2000000,l=32$${salt}$${key}`,
      ['2000001', '9'.repeat(400)].map(i => `$pbkdf2-sha512$i=${i},l=32$${salt}$${key}`)
    ],
    ['cost of bcrypt', 'cost 14', `$2b$14${bcrypt}`, [`$2b$15${bcrypt}`, `$2b$99${bcrypt}`]],
    [
      'N of scrypt',
      'N=131072',
      `$scrypt$ln=17,r=8,p=1$${salt}$${key}`,
      [`$scrypt$ln=18,r=1,p=1$${salt}$${key}`]
    ],
    [
      'memory of scrypt',
      '128 MiB',
      `$scrypt$ln=14,r=64,p=1$${salt}$${key}`,
      [`$scrypt$ln=14,r=65,p=1$${salt}$${key}`]
    ],
    [
      'work of scrypt',
      'N × r × p = 2097152',
      `scrypt$16384$salt$8$16$${key}`,
      [`scrypt$16384$salt$8$17$${key}`]
    ],
    [
      'cost of argon2',
      'm=131072 (128 MiB), t=10 and p=64',
      argon2('argon2id', 'm=131072,t=10,p=64'),
      [
        argon2('argon2id', 'm=131073,t=1,p=1'),
        argon2('argon2i', 'm=131072,t=11,p=1'),
        `argon2${argon2('argon2d', 'm=131072,t=1,p=65')}`
      ]
    ]
  ]
  for (const [parameter, bound, highest, refused] of bounds)
    t.test(`the ${parameter} has an upper bound, which the error names`, async t => {
      t.match(normalizeDigest(highest), { digest: String })
      for (const hash of refused) t.match(errorOf(hash), `at most ${bound}`, hash)
    })

  t.test('a digest with the highest configurable argon2 cost is readable', async t => {
    t.match(parseDigest(`$argon2id$v=19$m=4194304,t=100,p=1$${salt}$${key}`), { passes: 100 })
    t.equal(digestKind(`$argon2id$v=19$m=4194305,t=1,p=1$${salt}$${key}`), 'unreadable')
  })
})

import t from 'tap'
import { decoyDigest } from '../../src/domain/login/decoy-digest.ts'
import { digestKind } from '../../src/domain/login/password-digest.ts'
import { foreignHashes } from '../support/foreign-hashes.ts'

const kinds = new Set([
  'argon2id:m=19456,t=2,p=1',
  'argon2i:m=4096,t=3,p=4',
  'argon2d:m=4096,t=3,p=4',
  'pbkdf2-sha512:210000',
  ...foreignHashes.map(({ kind }) => kind)
])
for (const kind of kinds)
  t.test(`a decoy of ${kind} is a complete digest of this kind with a random salt`, async t => {
    const decoys = Array.from({ length: 100 }, () => decoyDigest(kind))
    t.equal(new Set(decoys).size, 100)
    t.ok(decoys.every(decoy => digestKind(decoy ?? '') === kind))
  })

t.test('other kinds have no decoy', async t => {
  for (const kind of [
    '',
    ':',
    'argon2id',
    'argon2id:m=1',
    'bcrypt',
    'bcrypt:3',
    'bcrypt:99',
    'bcrypt:12:1',
    'pbkdf2-sha256:9000000',
    'pbkdf2-sha256:NaN',
    'scrypt:ln=20,r=8,p=1',
    'md5',
    'unusable',
    'unreadable',
    '__proto__'
  ])
    t.equal(decoyDigest(kind), undefined, kind)
})

import t from 'tap'
import { matchesDigest } from '../../src/adapters/secrets/matches-digest.ts'
import { normalizeDigest } from '../../src/domain/login/normalize-digest.ts'
import { parseDigest } from '../../src/domain/login/password-digest.ts'
import { foreignHashes } from '../support/foreign-hashes.ts'

function digestOf(hash: string) {
  const normalized = normalizeDigest(hash)
  const digest = parseDigest('digest' in normalized ? normalized.digest : '')
  if ('error' in digest) throw new Error(digest.error)
  return digest
}

for (const { from, hash, password } of foreignHashes)
  t.test(`a hash of ${from} matches ${password} only`, async t => {
    const digest = digestOf(hash)
    t.equal(await matchesDigest(digest, password), true)
    for (const other of ['', `${password} `, password.slice(1)])
      t.equal(await matchesDigest(digest, other), false)
  })

t.test('bcrypt', async t => {
  // `$2y$` of PHP, and Django's form of it.
  const hash = '$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq'

  t.test('all names of the same version match', async t => {
    for (const same of [hash, hash.replace('y', 'b'), hash.replace('y', 'a'), `bcrypt$${hash}`])
      t.equal(await matchesDigest(digestOf(same), 'rasmuslerdorf'), true)
  })

  t.test('only the first 72 bytes count, and with SHA-256 all of them', async t => {
    const { hash: bcryptHash } = await import('bcrypt')
    const long = 'x'.repeat(72)
    const digest = digestOf(await bcryptHash(`${long}A`, 4))
    t.equal(await matchesDigest(digest, `${long}B`), true)
    t.equal(await matchesDigest(digest, long.slice(1)), false)
    const { createHash } = await import('node:crypto')
    const sha256 = createHash('sha256').update(`${long}A`).digest('hex')
    const hashed = digestOf(`bcrypt_sha256$${await bcryptHash(sha256, 4)}`)
    t.equal(await matchesDigest(hashed, `${long}A`), true)
    t.equal(await matchesDigest(hashed, `${long}B`), false)
  })
})

import t, { type Test } from 'tap'
import { countPasswordKinds } from '../../src/adapters/stores/password-kinds.ts'
import { normalizeDigest } from '../../src/domain/login/normalize-digest.ts'
import { unusableDigest } from '../../src/domain/login/password-digest.ts'
import { foreignHashes } from '../support/foreign-hashes.ts'
import { ada, slugOf, startApp } from '../support/start-app.ts'
import { spyOnKinds } from '../support/spy-on-kinds.ts'

const argon2 = { memoryKib: 1024, time: 2 }
const current = /^\$argon2id\$v=19\$m=1024,t=2,p=1\$/

function digestOf(hash: string): string {
  const normalized = normalizeDigest(hash)
  if (!('digest' in normalized)) throw new Error(JSON.stringify(normalized))
  return normalized.digest
}

/** Starts the service with users who have these digests, without checking them. */
async function startWithDigests(t: Test, digests: Record<string, string>) {
  const service = await startApp(t, { argon2 })
  for (const [username, passwordDigest] of Object.entries(digests))
    await service.users.add({ username, phone: '+12025550144', passwordDigest })
  const digestNow = async (username: string) =>
    (await service.prisma.user.findUniqueOrThrow({ where: { usernameKey: username } }))
      .passwordDigest
  const kindNow = async (username: string) => (await service.users.find({ username }))?.passwordKind
  const unreadable = () =>
    service.logged.filter(line => line.includes('"event":"password.digest_unreadable"'))
  return { ...service, digestNow, kindNow, unreadable }
}

t.test('imported passwords', async t => {
  const oneOfEachKind = [...new Map(foreignHashes.map(entry => [entry.kind, entry])).values()]
  for (const { from, hash, password, kind } of oneOfEachKind)
    t.test(`a login with a password of ${from} replaces a ${kind} hash`, async t => {
      const digest = digestOf(hash)
      const { login, digestNow, kindNow, wait } = await startWithDigests(t, { grace: digest })
      t.equal(await kindNow('grace'), kind)
      const wrong = await login({ username: 'grace', password: `${password}!` })
      t.equal(slugOf(wrong), 'invalid-credentials')
      t.equal(await digestNow('grace'), digest)

      t.equal((await login({ username: 'grace', password })).json().sent, true)
      const isCostlier = kind.startsWith('argon2')
      t.match(await digestNow('grace'), isCostlier ? digest : current)
      t.equal(await kindNow('grace'), isCostlier ? kind : 'argon2id:m=1024,t=2,p=1')

      wait(31)
      t.equal((await login({ username: 'grace', password })).json().sent, true)
      const wrongAgain = await login({ username: 'grace', password: `${password}!` })
      t.equal(slugOf(wrongAgain), 'invalid-credentials')
    })

  t.test('twenty concurrent first logins all succeed and replace the hash once', async t => {
    const hash = digestOf('$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq')
    const { login, digestNow, twilio } = await startWithDigests(t, { grace: hash })
    const grace = { username: 'grace', password: 'rasmuslerdorf' }
    const responses = await Promise.all(Array.from({ length: 20 }, () => login(grace)))
    t.same(
      responses.map(({ statusCode }) => statusCode),
      responses.map(() => 200)
    )
    t.equal(twilio.messages.length, 1)
    t.match(await digestNow('grace'), current)
    t.equal((await login(grace)).statusCode, 200)
  })

  t.test('a password that was hashed as typed matches, and the new hash is normalized', async t => {
    const typed = 'zoe\u0308\u00a0in the dark'
    const { hash } = await import('bcrypt')
    const { login, digestNow } = await startWithDigests(t, { grace: await hash(typed, 4) })
    t.equal((await login({ username: 'grace', password: typed })).statusCode, 200)
    t.match(await digestNow('grace'), current)
    t.equal((await login({ username: 'grace', password: typed.normalize('NFC') })).statusCode, 200)
  })

  t.test('a costlier digest of argon2i or with several lanes keeps at least its cost', async t => {
    const { default: argon2 } = await import('argon2')
    const hash = async (type: 0 | 1 | 2, lanes: number) =>
      argon2.hash('anchors aweigh', { type, memoryCost: 4096, timeCost: 3, parallelism: lanes })
    const { login, digestNow } = await startWithDigests(t, {
      grace: await hash(argon2.argon2i, 1),
      jean: await hash(argon2.argon2d, 4)
    })
    for (const [username, lanes] of [
      ['grace', 1],
      ['jean', 4]
    ] as const) {
      t.equal((await login({ username, password: 'anchors aweigh' })).statusCode, 200)
      t.match(await digestNow(username), `$argon2id$v=19$m=4096,t=3,p=${lanes}$`)
    }
  })
})

t.test('digests that cannot be compared', async t => {
  const salt = 'c2FsdHNhbHRzYWx0c2FsdA'
  const key = 'A'.repeat(43)
  const bcrypt = 'CPCPGVfKZrYDmYCk1neuwOUg0iFqHhpTpH4BEdxGXjghezid5MC0W'
  const unreadable = {
    empty: '',
    truncated: `$2b$12$${bcrypt.slice(0, -9)}`,
    'bcrypt-99': `$2b$99$${bcrypt}`,
    'bcrypt-31': `$2b$31$${bcrypt}`,
    'nan-iterations': `$pbkdf2-sha256$i=NaN,l=32$${salt}$${key}`,
    'many-iterations': `$pbkdf2-sha256$i=${'9'.repeat(30)},l=32$${salt}$${key}`,
    'django-form': `pbkdf2_sha256$1000$salt$${key}=`,
    'huge-scrypt': `$scrypt$ln=60,r=8,p=1$${salt}$${key}`,
    'huge-argon2': `$argon2id$v=19$m=${'9'.repeat(30)},t=1,p=1$${salt}$${key}`,
    'short-signer-key': `$firescrypt$ln=14,r=8,p=1$${salt}$${key}$Bw$AAAA`,
    plain: 'correct horse battery',
    long: `$pbkdf2-sha256$i=1000,l=32$${'A'.repeat(1_000_000)}$${key}`,
    prototype: '__proto__'
  }

  t.test('an unreadable digest is logged and looks like a wrong password', async t => {
    const service = await startWithDigests(t, unreadable)
    for (const username of Object.keys(unreadable)) {
      service.logged.length = 0
      const response = await service.login({ username, password: ada.password })
      t.equal(slugOf(response), 'invalid-credentials', username)
      const user = await service.users.find({ username })
      t.match(
        service.unreadable().map(line => JSON.parse(line)),
        [{ userId: user?.id, level: 40 }]
      )
      t.equal(await service.kindNow(username), 'unreadable')
      t.notMatch(service.logged.join(), unreadable[username as 'long'] || 'no digest')
    }
  })

  t.test('a digest that needs more memory than available is unreadable', async t => {
    const { default: argon2 } = await import('argon2')
    const { verify } = argon2
    t.teardown(() => Object.assign(argon2, { verify }))
    const digest = await argon2.hash('anchors aweigh', { memoryCost: 4096 })
    argon2.verify = async (stored, ...rest) => {
      if (stored === digest) throw new Error('Memory allocation error')
      return verify(stored, ...rest)
    }
    const { login, unreadable } = await startWithDigests(t, { grace: digest })
    const response = await login({ username: 'grace', password: 'anchors aweigh' })
    t.equal(slugOf(response), 'invalid-credentials')
    t.equal(unreadable().length, 1)
  })

  t.test('the digest of a user without a password is not unreadable', async t => {
    const { login, unreadable, kindNow } = await startWithDigests(t, { grace: unusableDigest })
    for (const password of ['!', '', 'anchors aweigh'])
      t.not((await login({ username: 'grace', password })).statusCode, 200)
    t.same(unreadable(), [])
    t.equal(await kindNow('grace'), 'unusable')
  })
})

t.test('decoys', async t => {
  const bcryptHash = '$2b$04$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTTOq'

  t.test('unknown users get decoys in proportion to the kinds of stored digests', async t => {
    const digests = Object.fromEntries(
      Array.from({ length: 3 }, (_, i) => [`imported-${i}`, bcryptHash])
    )
    const { login, passwords, prisma } = await startWithDigests(t, digests)
    const kinds = spyOnKinds(t)
    const kindsOfUnknown = async () => {
      kinds.take()
      for (let i = 0; i < 100; i++)
        await login({ username: `nobody-${i}`, password: 'anchors aweigh' })
      return kinds.take()
    }
    t.same(await kindsOfUnknown(), Array(100).fill('argon2id:m=1024,t=2,p=1'))
    await passwords.useKinds(await countPasswordKinds(prisma))
    const first = await kindsOfUnknown()
    const imported = first.filter(kind => kind === 'bcrypt:4').length
    t.ok(imported > 50 && imported < 95, `${imported} of 100; expected about 75`)
    t.same(await kindsOfUnknown(), first, 'each username always has the same kind')
  })

  t.test('a user who cannot log in gets the same decoy as an unknown user', async t => {
    const { addUser, login, logged, passwords, prisma, users } = await startWithDigests(t, {
      imported: bcryptHash,
      passwordless: unusableDigest,
      unreadable: 'garbage'
    })
    const password = 'correct zebra staple'
    await addUser({ username: 'disabled', password, phone: '+12025550144' })
    await users.change({ username: 'disabled' }, { disabled: true }, new Date())
    await addUser({ username: 'phoneless', password, phone: null })
    await prisma.user.updateMany({ data: { passwordKind: 'bcrypt:4' } })
    await passwords.useKinds(await countPasswordKinds(prisma))
    const kinds = spyOnKinds(t)
    for (const username of ['nobody', 'disabled', 'phoneless', 'passwordless', 'unreadable']) {
      t.equal(slugOf(await login({ username, password })), 'invalid-credentials')
      t.same(kinds.take(), ['bcrypt:4'], username)
    }
    t.equal(logged.filter(line => line.includes('digest_unreadable')).length, 1)
  })
})

import argon2 from 'argon2'
import t, { type Test } from 'tap'
import { argon2Passwords } from '../../src/adapters/argon2-passwords.ts'
import { Refusal } from '../../src/domain/refusal.ts'
import { testDatabase } from '../support/database.ts'
import { ada, slugOf, start } from '../support/start.ts'
import { isFull, watchHashes } from '../support/watch-hashes.ts'

const cost = { memoryKib: 1024, time: 2, concurrency: 2, queue: 64 }
const outdated = { type: argon2.argon2id, memoryCost: 1024, timeCost: 1, parallelism: 1 } as const

t.test('a digest is argon2id on one lane with the cost asked for, a salt of 16 bytes and a tag of 32', async t => {
  const { hash } = await argon2Passwords({ ...cost, memoryKib: 19456 })
  const [, id, version, parameters, salt = '', tag = ''] = (await hash('correct horse battery')).split('$')
  t.same([id, version, parameters], ['argon2id', 'v=19', 'm=19456,t=2,p=1'])
  t.equal(Buffer.from(salt, 'base64').length, 16)
  t.equal(Buffer.from(tag, 'base64').length, 32)
})

t.test('the same password has another digest each time', async t => {
  const { hash } = await argon2Passwords(cost)
  t.not(await hash('correct horse battery'), await hash('correct horse battery'))
})

t.test('only the very same password is right', async t => {
  const { hash, verify } = await argon2Passwords(cost)
  const long = 'é'.repeat(64)
  for (const password of ['correct horse battery', `${long}x`, ' outer ', 'nul\0nul', '🔑'.repeat(8)]) {
    const digest = await hash(password)
    t.same(await verify(digest, password), { right: true, outdated: false })
    for (const other of [`${password} `, password.slice(0, -1), password.trim() + '!', password.toUpperCase() + 'x', '']) {
      t.same(await verify(digest, other), { right: false, outdated: false }, JSON.stringify(other))
    }
  }
  t.equal((await verify(await hash('nul\0one'), 'nul\0two')).right, false, 'also beyond a NUL')
})

t.test('composed and decomposed letters are two passwords: nothing is changed before hashing', async t => {
  const { hash, verify } = await argon2Passwords(cost)
  t.equal((await verify(await hash('zo\u00eb'), 'zoe\u0308')).right, false)
})

t.test('nobody has the empty digest, and no digest is a no', async t => {
  const { verify } = await argon2Passwords(cost)
  t.same(await verify(null, ''), { right: false, outdated: false })
})

const salt = 'c2FsdHNhbHRzYWx0c2FsdA'
const tag = 'A'.repeat(43)
const malformed = [
  '', ' ', '$', '$$$$$', 'garbage', '*', '!', 'correct horse battery', '$argon2id', '$argon2id$v=19', '$argon2id$v=19$m=1024,t=2,p=1', `$argon2id$v=19$m=1024,t=2,p=1$${salt}`,
  `$argon2id$v=19$m=1024,t=2,p=1$${salt}$`, `$argon2id$v=19$m=1024,t=2,p=1$$${tag}`, `$argon2id$v=19$m=1024,t=2$${salt}$${tag}`, `$argon2id$v=19$${salt}$${tag}`,
  `$argon2id$v=19$m=0,t=0,p=0$${salt}$${tag}`, `$argon2id$v=19$m=-1,t=-1,p=-1$${salt}$${tag}`, `$argon2id$v=19$m=1,t=1,p=255$${salt}$${tag}`,
  `$argon2id$v=19$m=99999999999999999999,t=1,p=1$${salt}$${tag}`, `$argon2id$v=19$m=1024,t=1,p=99999999999$${salt}$${tag}`, `$argon2id$v=99$m=1024,t=1,p=1$${salt}$${tag}`,
  `$argon2id$v=19$m=x,t=y,p=z$${salt}$${tag}`, `$argon2id$v=19$m=1024,t=1,p=1$${salt}$A`, '$2b$12$abcdefghijklmnopqrstuv', '$6$salt$hash'
]
for (const digest of [...malformed, `$argon2x$v=19$m=1024,t=1,p=1$${salt}$${tag}`, `$scrypt$ln=16,r=8,p=1$${salt}$${tag}`, `$pbkdf2-sha256$v=1$i=1$${salt}$${tag}`]) {
  t.test(`a stored digest "${digest}" is a plain no that costs a hash like any other`, async t => {
    const { verify } = await argon2Passwords(cost)
    const hashes = watchHashes(t)
    t.same(await verify(digest, 'correct horse battery'), { right: false, outdated: false })
    t.equal(hashes.done(), 1)
  })
}

t.test('a digest cut short is a plain no', async t => {
  const { hash, verify } = await argon2Passwords(cost)
  const digest = await hash('correct horse battery')
  for (let length = 0; length < digest.length; length++) {
    const { right } = await verify(digest.slice(0, length), 'correct horse battery')
    if (right) t.fail(digest.slice(0, length))
  }
  t.equal((await verify(digest, 'correct horse battery')).right, true)
})

t.test('a digest of less cost, another kind or another version is outdated, but only when the password is right', async t => {
  const { verify } = await argon2Passwords(cost)
  const today = { ...outdated, timeCost: 2 }
  const stored = [outdated, { ...today, memoryCost: 512 }, { ...today, type: argon2.argon2i }, { ...today, type: argon2.argon2d }, { ...today, version: 0x10 }, { ...today, parallelism: 2 }]
  for (const options of stored) {
    const digest = await argon2.hash('correct horse battery', options)
    t.same(await verify(digest, 'correct horse battery'), { right: true, outdated: true }, digest)
    t.same(await verify(digest, 'wrong'), { right: false, outdated: false })
  }
})

t.test('a digest that is no longer today\'s is replaced once', async t => {
  const { database, digests } = await recordingDigests(t)
  const { login, prisma } = await start(t, { database, argon2: cost })
  const outdate = async () => {
    await prisma.user.updateMany({ data: { passwordDigest: await argon2.hash(ada.password, outdated) } })
    await prisma.$executeRaw`DELETE FROM digests`
  }

  await t.test('by parallel logins', async t => {
    await outdate()
    const answers = await Promise.all(Array.from({ length: 8 }, () => login()))
    t.ok(answers.every(({ statusCode }) => statusCode === 200))
    t.equal((await login()).statusCode, 200)
    const [digest, ...others] = await digests()
    t.match(digest, /^\$argon2id\$v=19\$m=1024,t=2,p=1\$/)
    t.same(others, [])
  })

  await t.test('but not by a wrong password, nor for a disabled person', async t => {
    await outdate()
    t.equal(slugOf(await login({ ...ada, password: 'wrong' })), 'invalid-credentials')
    await prisma.user.updateMany({ data: { disabled: true } })
    t.equal(slugOf(await login()), 'invalid-credentials')
    t.same(await digests(), [])
  })
})

/** A database that writes down each new digest. */
async function recordingDigests (t: Test) {
  const database = await testDatabase(t)
  for (const statement of [
    'CREATE TABLE digests (position serial, digest text)',
    "CREATE FUNCTION note_digest() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO digests (digest) VALUES (NEW.password_digest); RETURN NEW; END'",
    'CREATE TRIGGER note_digest AFTER UPDATE OF password_digest ON users FOR EACH ROW EXECUTE FUNCTION note_digest()'
  ]) await database.prisma.$executeRawUnsafe(statement)
  const digests = async () => (await database.prisma.$queryRaw<{ digest: string }[]>`SELECT digest FROM digests ORDER BY position`).map(({ digest }) => digest)
  return { database, digests }
}

t.test('what is more than may wait is told to come back, and the rest is hashed', async t => {
  const { verify } = await argon2Passwords({ ...cost, concurrency: 1, queue: 3 })
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => verify(null, 'correct horse battery')))
  const refused = outcomes.filter(outcome => outcome.status === 'rejected')
  t.equal(refused.length, 50 - 1 - 3, 'one is hashed, three wait')
  t.match(refused[0], { reason: { slug: 'busy' } })
  t.same(await verify(null, 'correct horse battery'), { right: false, outdated: false }, 'and there is room again')
})

t.test('a digest that cost more than is asked for today is left as it is', async t => {
  const { verify } = await argon2Passwords(cost)
  const dearer = await argon2.hash('correct horse battery', { ...outdated, memoryCost: 2048, timeCost: 3 })
  t.same(await verify(dearer, 'correct horse battery'), { right: true, outdated: false })
})

t.test('without a queue as many are hashed as may be at once', async t => {
  const { verify } = await argon2Passwords({ ...cost, concurrency: 2, queue: 0 })
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => verify(null, 'correct horse battery')))
  t.same(outcomes.map(({ status }) => status), ['fulfilled', 'fulfilled', 'rejected', 'rejected', 'rejected'])
})

t.test('a place that is kept counts as one that waits, until its password comes or will not', async t => {
  const { expect, verify } = await argon2Passwords({ ...cost, concurrency: 1, queue: 1 })
  const [first, second] = [expect(), expect()]
  t.throws(() => expect(), new Refusal('busy'))
  await t.rejects(verify(null, 'one too many'), new Refusal('busy'))
  first()
  first()
  const hashed = verify(null, 'hashed')
  t.throws(() => expect(), new Refusal('busy'))
  second()
  t.equal(isFull(expect), false)
  await hashed
})

t.test('it says that it is full for as long as it would refuse', async t => {
  const { expect, verify } = await argon2Passwords({ ...cost, concurrency: 1, queue: 1 })
  t.equal(isFull(expect), false)
  const [hashed, waiting] = [verify(null, 'hashed'), verify(null, 'waiting')]
  t.equal(isFull(expect), true)
  await t.rejects(verify(null, 'one too many'), new Refusal('busy'))
  await hashed
  t.equal(isFull(expect), false)
  await waiting
})

t.test('who leaves while waiting is not hashed for, and the place is free at once', async t => {
  const { expect, verify } = await argon2Passwords({ ...cost, concurrency: 1, queue: 2 })
  const hashes = watchHashes(t)
  const impatient = new AbortController()
  const hashed = verify(null, 'hashed')
  const left = verify(null, 'impatient', impatient.signal)
  const patient = verify(null, 'patient', new AbortController().signal)
  t.equal(isFull(expect), true)
  impatient.abort()
  await t.rejects(left, new Refusal('busy'))
  t.equal(isFull(expect), false)
  await Promise.all([hashed, patient, verify(null, 'next')])
  t.equal(hashes.done(), 3)
})

t.test('who had left before asking is not hashed for', async t => {
  const { expect, verify } = await argon2Passwords({ ...cost, concurrency: 1, queue: 0 })
  const hashes = watchHashes(t)
  await t.rejects(verify(null, 'gone', AbortSignal.abort()), new Refusal('busy'))
  t.equal(hashes.done(), 0)
  t.equal(isFull(expect), false)
})

t.test('who leaves while being hashed for makes no room for one hash more: there are never more at once than may be', async t => {
  const { expect, verify } = await argon2Passwords({ ...cost, concurrency: 1, queue: 1 })
  const hashes = watchHashes(t)
  hashes.hold()
  const impatient = new AbortController()
  const all = [verify(null, 'impatient', impatient.signal), verify(null, 'patient')]
  await hashes.begun(1)
  impatient.abort()
  await new Promise(resolve => setImmediate(resolve))
  t.equal(hashes.atOnce(), 1)
  t.equal(isFull(expect), true)
  hashes.release()
  t.same(await Promise.all(all), [{ right: false, outdated: false }, { right: false, outdated: false }])
  t.equal(hashes.atOnce(), 1)
})

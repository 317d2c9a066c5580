import { mock } from 'node:test'
import argon2 from 'argon2'
import t, { type Test } from 'tap'
import { createPasswords, type PasswordSettings } from '../../src/adapters/secrets/passwords.ts'
import { Refusal } from '../../src/domain/refusal.ts'
import { createTestDatabase } from '../support/database.ts'
import { ada, slugOf, startApp } from '../support/start-app.ts'
import { isFull, spyOnHashes } from '../support/spy-on-hashes.ts'

const cost = { memoryKib: 1024, time: 2, concurrency: 2, queue: 64 }
const outdated = { type: argon2.argon2id, memoryCost: 1024, timeCost: 1, parallelism: 1 } as const

/** Verifies digests of one user. */
function passwordsOfAda(settings: PasswordSettings) {
  const { verify, ...passwords } = createPasswords(settings)
  return {
    ...passwords,
    async verify(digest: string | null, password: string, signal?: AbortSignal) {
      const { right, outdated } = await verify({ usernameKey: 'ada', digest }, password, signal)
      return { right, outdated }
    }
  }
}

t.test('digests', async t => {
  t.test(
    'a digest is argon2id with the configured cost, a 16-byte salt and a 32-byte tag',
    async t => {
      const { hash } = passwordsOfAda({ ...cost, memoryKib: 19456 })
      const [, id, version, parameters, salt = '', tag = ''] = (
        await hash('correct horse battery')
      ).split('$')
      t.same([id, version, parameters], ['argon2id', 'v=19', 'm=19456,t=2,p=1'])
      t.equal(Buffer.from(salt, 'base64').length, 16)
      t.equal(Buffer.from(tag, 'base64').length, 32)
    }
  )

  t.test('the same password has another digest each time', async t => {
    const { hash } = passwordsOfAda(cost)
    t.not(await hash('correct horse battery'), await hash('correct horse battery'))
  })

  t.test('only exactly the same password matches', async t => {
    const { hash, verify } = passwordsOfAda(cost)
    const long = 'é'.repeat(64)
    for (const password of [
      'correct horse battery',
      `${long}x`,
      ' outer ',
      'nul\0nul',
      '🔑'.repeat(8)
    ]) {
      const digest = await hash(password)
      t.same(await verify(digest, password), { right: true, outdated: false })
      for (const other of [
        `${password} `,
        password.slice(0, -1),
        password.trim() + '!',
        password.toUpperCase() + 'x',
        ''
      ]) {
        t.same(
          await verify(digest, other),
          { right: false, outdated: false },
          JSON.stringify(other)
        )
      }
    }
    t.equal((await verify(await hash('nul\0one'), 'nul\0two')).right, false, 'also beyond a NUL')
  })

  for (const [one, other] of [
    ['zo\u00eb in the dark', 'zoe\u0308 in the dark'],
    ['zo\u00eb in the dark', 'zoe\u0308\u00a0in\u202fthe\u3000dark'],
    ['\uac00\ub098\ub2e4 horse', '\u1100\u1161\u1102\u1161\u1103\u1161\u2009horse'],
    ['\u1e69 \u212b', 's\u0307\u0323\u2003A\u030a']
  ] as const) {
    t.test(`${JSON.stringify(one)} and ${JSON.stringify(other)} are one password`, async t => {
      const { hash, verify } = passwordsOfAda(cost)
      for (const set of [one, other]) {
        const digest = await hash(set)
        for (const typed of [one, other])
          t.same(await verify(digest, typed), { right: true, outdated: false })
        t.same(await verify(digest, `${other}!`), { right: false, outdated: false })
      }
    })
  }

  t.test('a cheaper digest never replaces another, whatever its lanes, type and form', async t => {
    const { hash, verify } = passwordsOfAda(cost)
    const password = 'zo\u00eb in the dark'
    for (const options of [
      { memoryCost: 4096, timeCost: 3, parallelism: 4 },
      { memoryCost: 2048, timeCost: 1, parallelism: 1 },
      { memoryCost: 512, timeCost: 4, parallelism: 2 }
    ]) {
      const dearer = await argon2.hash(password, { ...outdated, ...options })
      t.same(await verify(dearer, password), { right: true, outdated: false }, dearer)
      for (const replaced of [
        await argon2.hash(password, { ...outdated, ...options, type: argon2.argon2i }),
        await argon2.hash(password.normalize('NFD'), { ...outdated, ...options })
      ]) {
        const typed = replaced.startsWith('$argon2i$') ? password : password.normalize('NFD')
        t.same(await verify(replaced, typed), { right: true, outdated: true }, replaced)
        const { memoryCost: m, timeCost: time, parallelism: p } = options
        t.match(await hash(typed, replaced), `$argon2id$v=19$m=${m},t=${time},p=${p}$`)
      }
    }
  })

  t.test('an empty digest matches no password, nor does a missing one', async t => {
    const { verify } = passwordsOfAda(cost)
    t.same(await verify(null, ''), { right: false, outdated: false })
  })

  const salt = 'c2FsdHNhbHRzYWx0c2FsdA'
  const tag = 'A'.repeat(43)
  const malformed = [
    '',
    ' ',
    '$',
    '$$$$$',
    'garbage',
    '*',
    '!',
    'correct horse battery',
    '$argon2id',
    '$argon2id$v=19',
    '$argon2id$v=19$m=1024,t=2,p=1',
    `$argon2id$v=19$m=1024,t=2,p=1$${salt}`,
    `$argon2id$v=19$m=1024,t=2,p=1$${salt}$`,
    `$argon2id$v=19$m=1024,t=2,p=1$$${tag}`,
    `$argon2id$v=19$m=1024,t=2$${salt}$${tag}`,
    `$argon2id$v=19$${salt}$${tag}`,
    `$argon2id$v=19$m=0,t=0,p=0$${salt}$${tag}`,
    `$argon2id$v=19$m=-1,t=-1,p=-1$${salt}$${tag}`,
    `$argon2id$v=19$m=1,t=1,p=255$${salt}$${tag}`,
    `$argon2id$v=19$m=99999999999999999999,t=1,p=1$${salt}$${tag}`,
    `$argon2id$v=19$m=1024,t=1,p=99999999999$${salt}$${tag}`,
    `$argon2id$v=99$m=1024,t=1,p=1$${salt}$${tag}`,
    `$argon2id$v=19$m=x,t=y,p=z$${salt}$${tag}`,
    `$argon2id$v=19$m=1024,t=1,p=1$${salt}$A`,
    '$2b$12$abcdefghijklmnopqrstuv',
    '$6$salt$hash'
  ]
  for (const digest of [
    ...malformed,
    `$argon2x$v=19$m=1024,t=1,p=1$${salt}$${tag}`,
    `$scrypt$ln=18,r=8,p=1$${salt}$${tag}`,
    `$pbkdf2-sha256$v=1$i=1$${salt}$${tag}`
  ]) {
    t.test(
      `the stored digest "${digest}" is a mismatch that costs a hash like any other`,
      async t => {
        const { verify } = passwordsOfAda(cost)
        const hashes = spyOnHashes(t)
        t.same(await verify(digest, 'correct horse battery'), { right: false, outdated: false })
        t.equal(hashes.completed(), 1)
      }
    )
  }

  t.test('a truncated digest is a mismatch', async t => {
    const { hash, verify } = passwordsOfAda(cost)
    const digest = await hash('correct horse battery')
    for (let length = 0; length < digest.length; length++) {
      const { right } = await verify(digest.slice(0, length), 'correct horse battery')
      if (right) t.fail(digest.slice(0, length))
    }
    t.equal((await verify(digest, 'correct horse battery')).right, true)
  })
})

t.test('outdated digests', async t => {
  t.test('a digest of the password exactly as typed matches and is outdated', async t => {
    const { hash, verify } = passwordsOfAda(cost)
    const typed = 'zoe\u0308\u00a0in the dark'
    const digest = await argon2.hash(typed, { ...outdated, timeCost: 2 })
    t.same(await verify(digest, typed), { right: true, outdated: true })
    t.same(await verify(digest, `${typed}!`), { right: false, outdated: false })
    t.same(await verify(await hash(typed, digest), 'zo\u00eb in the dark'), {
      right: true,
      outdated: false
    })
  })

  t.test(
    'a digest of lower cost, another type or version is outdated when the password is correct',
    async t => {
      const { verify } = passwordsOfAda(cost)
      const today = { ...outdated, timeCost: 2 }
      const stored = [
        outdated,
        { ...today, memoryCost: 512 },
        { ...today, type: argon2.argon2i },
        { ...today, type: argon2.argon2d },
        { ...today, version: 0x10 }
      ]
      for (const options of stored) {
        const digest = await argon2.hash('correct horse battery', options)
        t.same(
          await verify(digest, 'correct horse battery'),
          { right: true, outdated: true },
          digest
        )
        t.same(await verify(digest, 'wrong'), { right: false, outdated: false })
      }
    }
  )

  t.test('an outdated digest is replaced once', async t => {
    const { database, digests } = await recordingDigests(t)
    const { login, prisma } = await startApp(t, { database, argon2: cost })
    const outdate = async () => {
      await prisma.user.updateMany({
        data: { passwordDigest: await argon2.hash(ada.password, outdated) }
      })
      await prisma.$executeRaw`DELETE FROM digests`
    }

    await t.test('once by concurrent logins', async t => {
      await outdate()
      const responses = await Promise.all(Array.from({ length: 8 }, () => login()))
      t.ok(responses.every(({ statusCode }) => statusCode === 200))
      t.equal((await login()).statusCode, 200)
      const [digest, ...others] = await digests()
      t.match(digest, /^\$argon2id\$v=19\$m=1024,t=2,p=1\$/)
      t.same(others, [])
    })

    await t.test('never by a wrong password or for a disabled user', async t => {
      await outdate()
      t.equal(slugOf(await login({ ...ada, password: 'wrong' })), 'invalid-credentials')
      await prisma.user.updateMany({ data: { disabled: true } })
      t.equal(slugOf(await login()), 'invalid-credentials')
      t.same(await digests(), [])
    })
  })

  t.test('a digest of higher cost than configured stays', async t => {
    const { verify } = passwordsOfAda(cost)
    const dearer = await argon2.hash('correct horse battery', {
      ...outdated,
      memoryCost: 2048,
      timeCost: 3
    })
    t.same(await verify(dearer, 'correct horse battery'), { right: true, outdated: false })
  })
})

t.test('queue', async t => {
  t.test('a wrong password costs the same hashes for known and unknown usernames', async t => {
    const { hash, verify } = passwordsOfAda(cost)
    const digest = await hash('correct horse battery')
    const watched = spyOnHashes(t)
    for (const [password, hashes] of [
      ['wrong horse battery', 1],
      ['zoe\u0308 horse battery', 2]
    ] as const) {
      for (const stored of [digest, null, '']) {
        const before = watched.completed()
        await verify(stored, password)
        t.equal(watched.completed() - before, hashes, `${stored} ${password}`)
      }
    }
  })

  t.test('a password that costs two hashes takes two places in the queue', async t => {
    const { verify } = passwordsOfAda({ ...cost, concurrency: 1, queue: 3 })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 4 }, () => verify(null, 'zoe\u0308 horse battery'))
    )
    t.same(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected', 'rejected']
    )
    const alone = passwordsOfAda({ ...cost, concurrency: 1, queue: 0 })
    t.equal((await alone.verify(null, 'zoe\u0308 horse battery')).right, false, 'but never none')
  })

  t.test('passwords beyond the queue are refused and the others are hashed', async t => {
    const { verify } = passwordsOfAda({ ...cost, concurrency: 1, queue: 3 })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, () => verify(null, 'correct horse battery'))
    )
    const refused = outcomes.filter(outcome => outcome.status === 'rejected')
    t.equal(refused.length, 50 - 1 - 3, 'one is hashed, three wait')
    t.match(refused[0], { reason: { slug: 'busy' } })
    t.same(
      await verify(null, 'correct horse battery'),
      { right: false, outdated: false },
      'and there is room again'
    )
  })

  t.test('without a queue only the configured number of passwords is hashed at once', async t => {
    const { verify } = passwordsOfAda({ ...cost, concurrency: 2, queue: 0 })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, () => verify(null, 'correct horse battery'))
    )
    t.same(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected', 'rejected', 'rejected']
    )
  })

  t.test('a reserved slot counts as waiting until it is used or released', async t => {
    const { reserveSlot: expect, verify } = passwordsOfAda({
      ...cost,
      concurrency: 1,
      queue: 1
    })
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

  t.test('the queue is full exactly while further passwords are refused', async t => {
    const { reserveSlot: expect, verify } = passwordsOfAda({
      ...cost,
      concurrency: 1,
      queue: 1
    })
    t.equal(isFull(expect), false)
    const [hashed, waiting] = [verify(null, 'hashed'), verify(null, 'waiting')]
    t.equal(isFull(expect), true)
    await t.rejects(verify(null, 'one too many'), new Refusal('busy'))
    await hashed
    t.equal(isFull(expect), false)
    await waiting
  })
})

t.test('abandoned requests', async t => {
  t.test('a request abandoned in the queue is not hashed and frees its place at once', async t => {
    const { reserveSlot: expect, verify } = passwordsOfAda({
      ...cost,
      concurrency: 1,
      queue: 2
    })
    const hashes = spyOnHashes(t)
    const impatient = new AbortController()
    const hashed = verify(null, 'hashed')
    const left = verify(null, 'impatient', impatient.signal)
    const patient = verify(null, 'patient', new AbortController().signal)
    t.equal(isFull(expect), true)
    impatient.abort()
    await t.rejects(left, new Refusal('busy'))
    t.equal(isFull(expect), false)
    await Promise.all([hashed, patient, verify(null, 'next')])
    t.equal(hashes.completed(), 3)
  })

  t.test('a request abandoned before it is queued is not hashed', async t => {
    const { reserveSlot: expect, verify } = passwordsOfAda({
      ...cost,
      concurrency: 1,
      queue: 0
    })
    const hashes = spyOnHashes(t)
    await t.rejects(verify(null, 'gone', AbortSignal.abort()), new Refusal('busy'))
    t.equal(hashes.completed(), 0)
    t.equal(isFull(expect), false)
  })

  t.test('a request abandoned while being hashed starts no extra hash', async t => {
    const { reserveSlot: expect, verify } = passwordsOfAda({
      ...cost,
      concurrency: 1,
      queue: 1
    })
    const hashes = spyOnHashes(t)
    hashes.hold()
    const impatient = new AbortController()
    const all = [verify(null, 'impatient', impatient.signal), verify(null, 'patient')]
    await hashes.started(1)
    impatient.abort()
    await new Promise(resolve => setImmediate(resolve))
    t.equal(hashes.maxConcurrent(), 1)
    t.equal(isFull(expect), true)
    hashes.release()
    t.same(await Promise.all(all), [
      { right: false, outdated: false },
      { right: false, outdated: false }
    ])
    t.equal(hashes.maxConcurrent(), 1)
  })
})

t.test('wrong passwords', async t => {
  const passwords = createPasswords({ ...cost, concurrency: 1, queue: 1 })
  const digest = await passwords.hash('correct horse battery')
  await passwords.useKinds(
    new Map([
      ['bcrypt:12', 1],
      ['argon2id', 100]
    ])
  )

  /** Time stands still until `tick`. */
  function withoutTime(t: Test) {
    mock.timers.enable({ apis: ['setTimeout'] })
    t.teardown(() => mock.timers.reset())
    const hashes = spyOnHashes(t)
    const verify = (password: string, signal?: AbortSignal) => {
      let isSettled = false
      const verdict = passwords
        .verify({ usernameKey: 'ada', digest }, password, signal)
        .finally(() => {
          isSettled = true
        })
      return { verdict, isSettled: () => isSettled }
    }
    /** Resolves when the hashes are over and what follows them has run. */
    const afterHashes = async (count: number) => {
      while (hashes.completed() < count) await new Promise(resolve => setImmediate(resolve))
      for (let i = 0; i < 10; i++) await new Promise(resolve => setImmediate(resolve))
    }
    return { verify, afterHashes }
  }

  t.test('a wrong password takes the time of the slowest kind', async t => {
    const { verify, afterHashes } = withoutTime(t)
    const { verdict, isSettled } = verify('wrong')
    await afterHashes(1)
    t.equal(isSettled(), false)
    mock.timers.tick(60_000)
    t.match(await verdict, { right: false })
  })

  t.test('a correct password is accepted without delay', async t => {
    const { verify } = withoutTime(t)
    t.match(await verify('correct horse battery').verdict, { right: true })
  })

  t.test('a wrong password that waits takes no place in the queue', async t => {
    const { verify, afterHashes } = withoutTime(t)
    const wrong = [verify('wrong'), verify('also wrong')]
    t.equal(isFull(passwords.reserveSlot), true)
    await afterHashes(2)
    t.equal(isFull(passwords.reserveSlot), false)
    t.match(await verify('correct horse battery').verdict, { right: true })
    t.ok(wrong.every(({ isSettled }) => !isSettled()))
    mock.timers.tick(60_000)
    await Promise.all(wrong.map(({ verdict }) => verdict))
  })

  t.test('a caller who disconnects while waiting has still used the attempt', async t => {
    const { verify, afterHashes } = withoutTime(t)
    const caller = new AbortController()
    const { verdict, isSettled } = verify('wrong', caller.signal)
    await afterHashes(1)
    t.equal(isSettled(), false)
    caller.abort()
    t.match(await verdict, { right: false })
  })

  t.test('if all digests are of one kind, a wrong password is rejected without delay', async t => {
    const { verify } = withoutTime(t)
    await passwords.useKinds(new Map([['argon2id:m=1024,t=2,p=1', 100]]))
    t.match(await verify('wrong').verdict, { right: false })
  })
})

/** Creates a database that records each new digest. */
async function recordingDigests(t: Test) {
  const database = await createTestDatabase(t)
  for (const statement of [
    'CREATE TABLE digests (position serial, digest text)',
    "CREATE FUNCTION note_digest() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO digests (digest) VALUES (NEW.password_digest); RETURN NEW; END'",
    'CREATE TRIGGER note_digest AFTER UPDATE OF password_digest ON users FOR EACH ROW EXECUTE FUNCTION note_digest()'
  ])
    await database.prisma.$executeRawUnsafe(statement)
  const digests = async () =>
    (
      await database.prisma.$queryRaw<
        { digest: string }[]
      >`SELECT digest FROM digests ORDER BY position`
    ).map(({ digest }) => digest)
  return { database, digests }
}

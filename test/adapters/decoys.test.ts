import t from 'tap'
import { createDecoys } from '../../src/adapters/secrets/decoys.ts'
import { kindOf, type PasswordDigest } from '../../src/domain/login/password-digest.ts'

const own = 'argon2id:m=19456,t=2,p=1'
const durations: Record<string, number> = { [own]: 20, 'bcrypt:12': 300, 'bcrypt:10': 80 }

/** Decoys whose comparisons take as long as `durations` says. */
function decoysWith(measured: string[] = [], key: Buffer = Buffer.alloc(32, 1)) {
  const decoys = createDecoys(key, own, async digest => {
    measured.push(kindOf(digest))
    return durations[kindOf(digest)] ?? 0
  })
  const kindFor = (username: string) => kindOf(decoys.decoyFor(username))
  return { ...decoys, kindFor }
}

const usernames = Array.from({ length: 10_000 }, (_, i) => `user-${i}`)

/** The share of usernames by the kind of their decoy. */
function sharesOf(kindFor: (username: string) => string) {
  const shares: Record<string, number> = {}
  for (const name of usernames) shares[kindFor(name)] = (shares[kindFor(name)] ?? 0) + 1e-4
  return shares
}

t.test('kinds', async t => {
  t.test('the decoys of 10,000 usernames have the proportions of the stored digests', async t => {
    const { useKinds, kindFor } = decoysWith()
    t.same(Object.keys(sharesOf(kindFor)), [own])
    await useKinds(
      new Map([
        ['bcrypt:12', 700],
        ['pbkdf2-sha256:260000', 200],
        [own, 99],
        ['scrypt:ln=14,r=8,p=5', 1]
      ])
    )
    const shares = sharesOf(kindFor)
    // Four standard deviations of a binomial distribution are at most 0.02.
    for (const [kind, share] of [
      ['bcrypt:12', 0.7],
      ['pbkdf2-sha256:260000', 0.2],
      [own, 0.099],
      ['scrypt:ln=14,r=8,p=5', 0.001]
    ] as const)
      t.ok(Math.abs((shares[kind] ?? 0) - share) < 0.02, `${kind}: ${shares[kind]}`)
  })

  t.test('a username always has the same kind, which depends on the key', async t => {
    const counts = new Map([
      ['bcrypt:12', 1],
      ['bcrypt:10', 1]
    ])
    const kindsUnder = async (key: Buffer, counts: Map<string, number>) => {
      const { useKinds, kindFor } = decoysWith([], key)
      await useKinds(counts)
      return usernames.map(kindFor)
    }
    const [key, otherKey] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
    const kinds = await kindsUnder(key, counts)
    t.same(await kindsUnder(key, new Map([...counts].reverse())), kinds)
    const moved = (await kindsUnder(otherKey, counts)).filter((kind, i) => kind !== kinds[i])
    t.ok(moved.length > 4000 && moved.length < 6000, `${moved.length}`)
  })

  t.test('a digest without a recorded cost has the configured one', async t => {
    const { useKinds, kindFor, longest } = decoysWith()
    await useKinds(new Map([['argon2id', 10]]))
    t.same(Object.keys(sharesOf(kindFor)), [own])
    t.equal(longest(), 0)
  })

  t.test('users without a readable digest are not counted', async t => {
    const { useKinds, kindFor, longest } = decoysWith()
    await useKinds(
      new Map([
        ['unusable', 100],
        ['unreadable', 100],
        ['from-the-future:1', 100],
        [own, 1]
      ])
    )
    t.same(Object.keys(sharesOf(kindFor)), [own])
    t.equal(longest(), 0)
  })

  t.test('kinds that are no longer stored are no longer used', async t => {
    const { useKinds, kindFor, longest } = decoysWith()
    await useKinds(new Map([['bcrypt:12', 1]]))
    t.same(Object.keys(sharesOf(kindFor)), ['bcrypt:12'])
    await useKinds(new Map())
    t.same(Object.keys(sharesOf(kindFor)), [own])
    t.equal(longest(), 0)
  })

  t.test('when a kind cannot be measured, the kinds before it stay in use', async t => {
    let fails = false
    const { useKinds, decoyFor, longest } = createDecoys(Buffer.alloc(32), own, async () => {
      if (fails) throw new Error('out of memory')
      return 100
    })
    await useKinds(new Map([['bcrypt:12', 1]]))
    fails = true
    await t.rejects(useKinds(new Map([['bcrypt:10', 1]])), { message: 'out of memory' })
    t.equal(kindOf(decoyFor('ada')), 'bcrypt:12')
    t.equal(longest(), 125)
  })
})

t.test('durations', async t => {
  t.test('the longest duration is that of the slowest stored kind and a margin', async t => {
    const { useKinds, longest } = decoysWith()
    t.equal(longest(), 0)
    await useKinds(
      new Map([
        ['bcrypt:12', 1],
        ['bcrypt:10', 1000]
      ])
    )
    t.equal(longest(), 375)
    await useKinds(new Map([['bcrypt:10', 1000]]))
    t.equal(longest(), 100)
  })

  t.test('a kind that is faster than new digests makes no difference to the longest', async t => {
    const { useKinds, longest } = decoysWith()
    await useKinds(new Map([['bcrypt:4', 1000]]))
    t.equal(longest(), 25)
  })

  t.test('each kind is measured once, and only when there are several', async t => {
    const measured: string[] = []
    const { useKinds } = decoysWith(measured)
    await useKinds(new Map([[own, 3]]))
    t.same(measured, [])
    for (const count of [1, 2, 3])
      await useKinds(
        new Map([
          [own, 3],
          ['bcrypt:12', count]
        ])
      )
    t.same(measured, [own, 'bcrypt:12'])
    await useKinds(new Map([['bcrypt:10', 1]]))
    t.same(measured, [own, 'bcrypt:12', 'bcrypt:10'])
  })

  t.test('the longest duration follows the load', async t => {
    const { useKinds, longest, record } = decoysWith()
    await useKinds(new Map([['bcrypt:12', 1]]))
    for (let i = 0; i < 100; i++) record('bcrypt:12', 600)
    t.equal(Math.round(longest()), 750)
    for (let i = 0; i < 100; i++) record('bcrypt:12', 200)
    t.equal(Math.round(longest()), 250)
    record('bcrypt:10', 10_000)
    t.equal(Math.round(longest()), 250, 'a kind that is not stored does not count')
  })
})

t.test('a decoy is a digest that is created once', async t => {
  const { useKinds, decoyFor } = decoysWith()
  await useKinds(new Map([['bcrypt:12', 1]]))
  const decoys = new Set<PasswordDigest>(usernames.map(decoyFor))
  t.equal(decoys.size, 1)
  await useKinds(new Map([['bcrypt:12', 2]]))
  t.ok(decoys.has(decoyFor('ada')))
})

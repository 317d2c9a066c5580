import t, { type Test } from 'tap'
import { openDatabase } from '../../src/adapters/database.ts'
import { prismaBudgets } from '../../src/adapters/prisma-budgets.ts'
import { prismaChallenges } from '../../src/adapters/prisma-challenges.ts'
import type { PrismaClient } from '../../src/adapters/prisma/client.ts'
import type { Charge } from '../../src/domain/budgets.ts'
import type { Challenge, Challenges } from '../../src/domain/challenge.ts'
import { after } from '../../src/domain/clock.ts'
import { randomId } from '../../src/domain/random-id.ts'
import type { Session } from '../../src/domain/session.ts'
import { Prisma } from '../../src/adapters/prisma/client.ts'
import { serverUrl, testDatabase } from '../support/database.ts'

const now = new Date('2026-11-22T12:00:00.500Z')
const hash = (fill: number) => new Uint8Array(32).fill(fill)
const shared = testDatabase(t)

const challengesOn = (prisma: PrismaClient) => prismaChallenges(prisma, prismaBudgets(prisma, Buffer.alloc(32, 7)))

/** Challenges as two processes have them, on a server; as one has them, on an embedded database. One challenge is stored. */
async function stored (t: Test, change: Partial<Challenge> = {}) {
  const { prisma, url } = await shared
  const stores = [challengesOn(prisma)]
  if (url !== undefined) {
    const other = await openDatabase(url)
    t.teardown(other.close)
    stores.push(challengesOn(other.prisma))
  }
  const owner = await prisma.user.create({ data: { username: 'ada', usernameKey: randomId(), passwordDigest: 'a digest', phone: '+12025550143' } })
  const challenge: Challenge = {
    id: randomId(), userId: owner.id, purpose: 'login', codeHash: hash(1), codeExpiresAt: after(now, 60), resendAt: after(now, 30), attemptsLeft: 5, expiresAt: after(now, 600), consumedAt: null, subject: null, ...change
  }
  await prisma.challenge.create({ data: { ...challenge, subject: challenge.subject ?? Prisma.DbNull } })
  const [challenges = challengesOn(prisma)] = stores
  /** Forty calls at once, shared out between the processes. */
  const burst = <T>(call: (challenges: Challenges, i: number) => Promise<T>) =>
    Promise.all(Array.from({ length: 40 }, (_, i) => call(stores[i % stores.length] ?? challenges, i)))
  return { prisma, owner, challenges, challenge, burst, read: () => challenges.find(challenge.id) }
}

/** A session that the challenge may begin. */
const begun = ({ userId }: Challenge): Session =>
  ({ id: randomId(), userId, tokenHash: hash(9), client: 'curl', createdAt: now, lastUsedAt: now, idleEndsAt: after(now, 3600), endsAt: after(now, 86400) })

t.test('what is stored is what is found', async t => {
  const { challenges, challenge } = await stored(t)
  t.same(await challenges.find(challenge.id), challenge)
  t.equal(await challenges.find(randomId()), null)
})

t.test('of forty attempts at once no more are spent than are left, and each is told another number', async t => {
  const { challenge, burst, read } = await stored(t)
  const spent = await burst(challenges => challenges.spendAttempt(challenge.id, [], [], now))
  t.same(spent.flatMap(({ result }) => result?.challenge.attemptsLeft ?? []).sort(), [0, 1, 2, 3, 4])
  t.equal((await read())?.attemptsLeft, 0)
})

for (const change of [
  { attemptsLeft: 0 }, { consumedAt: now }, { expiresAt: now }, { codeExpiresAt: now }, { codeExpiresAt: after(now, -1) }
]) {
  t.test(`no attempt is spent on a challenge with ${JSON.stringify(change)}`, async t => {
    const { challenges, challenge, read } = await stored(t, change)
    t.equal((await challenges.spendAttempt(challenge.id, [], [], now)).result, null)
    t.same(await read(), challenge)
  })
}

t.test('a challenge is consumed exactly once, and begins one session', async t => {
  const { challenge, prisma, burst, read } = await stored(t)
  const consumed = await burst(challenges => challenges.consume(challenge, begun(challenge), now))
  t.equal(consumed.filter(Boolean).length, 1)
  t.same((await read())?.consumedAt, now)
  t.match(await prisma.session.findMany({ where: { userId: challenge.userId } }), [{ userId: challenge.userId, client: 'curl', createdAt: now, endsAt: after(now, 86400) }])
})

t.test('a challenge is not consumed for a code that has been replaced, or a person who is disabled', async t => {
  const { challenges, challenge, prisma, read } = await stored(t)
  t.equal(await challenges.consume({ ...challenge, codeHash: hash(2) }, begun(challenge), now), false)
  await prisma.user.updateMany({ data: { disabled: true } })
  t.equal(await challenges.consume(challenge, begun(challenge), now), false)
  t.equal((await read())?.consumedAt, null)
  t.equal(await prisma.session.count({ where: { userId: challenge.userId } }), 0)
})

t.test('of forty that replace a challenge at once one does, and only it is stored', async t => {
  const { challenges, challenge, owner, burst } = await stored(t)
  const replaced = await burst(async (challenges, i) => {
    const next = { ...challenge, id: randomId(), codeHash: hash(i + 2), attemptsLeft: 3 }
    return (await challenges.replace(challenge, next, owner, [], now)).result ? next : null
  })
  const [next, ...others] = replaced.filter(next => next !== null)
  t.same(others, [])
  t.same(await challenges.find(next?.id ?? ''), next)
  t.equal(await challenges.find(challenge.id), null)
})

t.test('of forty first challenges of a person at once one is stored', async t => {
  const { challenge, owner, burst, prisma } = await stored(t)
  await prisma.challenge.deleteMany()
  const replaced = await burst((challenges, i) => challenges.replace(null, { ...challenge, id: randomId(), codeHash: hash(i + 2) }, owner, [], now))
  t.equal(replaced.filter(({ result }) => result).length, 1)
  t.equal(await prisma.challenge.count(), 1)
})

t.test('a challenge that replaces a used one is open again', async t => {
  const { challenges, challenge, owner } = await stored(t, { consumedAt: now, attemptsLeft: 0 })
  const next = { ...challenge, id: randomId(), codeHash: hash(2), attemptsLeft: 5, consumedAt: null }
  t.equal((await challenges.replace(challenge, next, owner, [], now)).result, true)
  t.same(await challenges.find(next.id), next)
})

t.test('nothing is replaced by who saw no challenge, another code or another person than there is', async t => {
  const { challenges, challenge, owner, prisma, read } = await stored(t)
  const next = { ...challenge, id: randomId() }
  t.equal((await challenges.replace(null, next, owner, [], now)).result, false)
  t.equal((await challenges.replace({ ...challenge, codeHash: hash(2) }, next, owner, [], now)).result, false)
  t.equal((await challenges.replace(challenge, next, { ...owner, phone: '+12025550144' }, [], now)).result, false)
  t.equal((await challenges.replace(challenge, next, { ...owner, passwordDigest: 'another' }, [], now)).result, false)
  await prisma.user.updateMany({ data: { disabled: true } })
  t.equal((await challenges.replace(challenge, next, owner, [], now)).result, false)
  t.same(await read(), challenge)
})

t.test('a challenge is not replaced by who saw it open when it has been used since', async t => {
  const { challenges, challenge, owner, read } = await stored(t)
  t.equal(await challenges.consume(challenge, null, now), true)
  t.equal((await challenges.replace(challenge, { ...challenge, id: randomId(), codeHash: hash(2) }, owner, [], now)).result, false)
  t.same(await read(), { ...challenge, consumedAt: now })
})

t.test('of forty new codes at once one is stored, and attempts and end stay', async t => {
  const { challenge, burst, read } = await stored(t, { resendAt: now, attemptsLeft: 2 })
  const renewed = await burst(async (challenges, i) => {
    const code = { codeHash: hash(i + 2), codeExpiresAt: after(now, 60), resendAt: after(now, 30) }
    return (await challenges.renewCode(challenge, code, [], now)).result ? code : null
  })
  const [code, ...others] = renewed.filter(code => code !== null)
  t.same(others, [])
  t.same(await read(), { ...challenge, ...code })
})

for (const change of [{ attemptsLeft: 0 }, { consumedAt: now }, { expiresAt: now }, { resendAt: after(now, 1) }]) {
  t.test(`no code is renewed in a challenge with ${JSON.stringify(change)}`, async t => {
    const { challenges, challenge, read } = await stored(t, { resendAt: now, ...change })
    t.equal((await challenges.renewCode(challenge, { codeHash: hash(2), codeExpiresAt: after(now, 60), resendAt: after(now, 30) }, [], now)).result, false)
    t.same(await read(), challenge)
  })
}

t.test('only the code whose text failed is voided, not one that came after it', async t => {
  const { challenges, challenge, read } = await stored(t)
  await challenges.voidCode({ ...challenge, codeHash: hash(2) }, now)
  t.same(await read(), challenge)
  await challenges.voidCode(challenge, now)
  t.same(await read(), { ...challenge, codeExpiresAt: now, resendAt: now })
})

t.test('attempts, a new code and the end of a challenge at once keep the count', async t => {
  const { challenge, burst, read } = await stored(t, { resendAt: now })
  const code = { codeHash: hash(2), codeExpiresAt: after(now, 60), resendAt: after(now, 30) }
  const results = await burst<{ result: unknown }>((challenges, i) => i % 4 === 0 ? challenges.renewCode(challenge, code, [], now) : challenges.spendAttempt(challenge.id, [], [], now))
  t.equal(results.filter(({ result }, i) => i % 4 !== 0 && result !== null).length, 5)
  t.same((await read())?.attemptsLeft, 0)
})

const texts: Charge = { budget: 'texts.phone-hour', of: { phone: '+12025550143' }, limit: 1, seconds: 3600 }

t.test('of forty logins at once only the one that is stored is charged for its text', async t => {
  const { challenge, owner, burst, prisma } = await stored(t)
  await prisma.counter.deleteMany()
  const replaced = await burst((challenges, i) => challenges.replace(challenge, { ...challenge, id: randomId(), codeHash: hash(i + 2) }, owner, [texts], now))
  t.equal(replaced.filter(({ result }) => result).length, 1)
  t.same(replaced.filter(({ spending }) => spending.exhausted !== null), [])
  t.match(await prisma.counter.findMany(), [{ spent: 1 }])
})

t.test('where a text has no room nothing is charged, and the challenge that is there stays as it is, to the last bit', async t => {
  const { challenge, challenges, owner, prisma, read } = await stored(t, { resendAt: now })
  await prisma.counter.deleteMany()
  const next = { ...challenge, id: randomId(), codeHash: hash(2) }
  const others: Charge = { ...texts, budget: 'texts.phone-day', limit: 20 }
  t.match(await challenges.replace({ ...challenge, codeHash: hash(3) }, next, owner, [texts, others], now), { result: false, spending: { exhausted: null } })
  t.same(await prisma.counter.findMany(), [], 'nor where another was faster')
  await prismaBudgets(prisma, Buffer.alloc(32, 7)).spend([texts], now)
  // The first of each asks the database, the second knows.
  for (const one of [challenges, challenges, challengesOn(prisma)]) {
    t.match(await one.replace(challenge, next, owner, [texts, others], now), { result: false, spending: { exhausted: texts } })
    t.match(await challengesOn(prisma).renewCode(challenge, next, [texts, others], now), { result: false, spending: { exhausted: texts } })
  }
  t.same(await read(), challenge)
  t.equal(await challenges.find(next.id), null)
  t.match(await prisma.counter.findMany({ where: { spent: { gt: 0 } } }), [{ spent: 1 }])
})

t.test('a first challenge is stored also where its text has no room, for whoever asked to void', async t => {
  const { challenge, challenges, owner, prisma } = await stored(t)
  await prisma.counter.deleteMany()
  await prismaBudgets(prisma, Buffer.alloc(32, 7)).spend([texts], now)
  const first = (action: string): Challenge => ({ ...challenge, purpose: `confirm:${action}`, id: randomId(), codeHash: hash(2) })
  t.match(await challenges.replace(null, first('one'), owner, [texts], now), { result: true, spending: { exhausted: texts } })
  t.match(await challenges.replace(null, first('other'), owner, [texts], now), { result: false, spending: { exhausted: texts } }, 'unless that is known')
})

t.test('of forty guesses at once no more are charged to the attempts than the network has requests', async t => {
  const { challenge, burst, prisma, read } = await stored(t)
  await prisma.counter.deleteMany()
  const requests: Charge = { budget: 'requests', of: { network: '198.51.100.7' }, limit: 3, seconds: 60 }
  const spent = await burst(challenges => challenges.spendAttempt(challenge.id, [], [requests], now))
  t.equal(spent.filter(({ result }) => result !== null).length, 3)
  t.equal(spent.filter(({ spending }) => spending.exhausted !== null).length, 37)
  t.equal((await read())?.attemptsLeft, 2)
  t.match(await prisma.counter.findMany(), [{ spent: 3 }])
})

if (serverUrl === undefined) t.comment('one connection shows no races: set TEST_DATABASE_URL')

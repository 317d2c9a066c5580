import t, { type Test } from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { createRateLimitStore } from '../../src/adapters/stores/rate-limits.ts'
import { createChallengeStore } from '../../src/adapters/stores/challenges.ts'
import type { PrismaClient } from '../../src/adapters/prisma/client.ts'
import { check, consume, type RateLimit } from '../../src/domain/rate-limits/rate-limit.ts'
import { Refusal } from '../../src/domain/refusal.ts'
import type { Challenge, Challenges, NewCode } from '../../src/domain/codes/challenge.ts'
import { readConfig } from '../../src/config/config.ts'
import { after } from '../../src/domain/clock.ts'
import { randomId } from '../../src/domain/random-id.ts'
import type { SessionDraft } from '../../src/domain/sessions/session.ts'
import { Prisma } from '../../src/adapters/prisma/client.ts'
import { serverUrl, createTestDatabase } from '../support/database.ts'

const now = new Date('2026-11-22T12:00:00.500Z')
const hash = (fill: number) => new Uint8Array(32).fill(fill)
const shared = createTestDatabase(t)

const rateLimitsOn = (prisma: PrismaClient) => createRateLimitStore(prisma, Buffer.alloc(32, 7))

const challengesOn = (prisma: PrismaClient) =>
  createChallengeStore(prisma, rateLimitsOn(prisma), readConfig({}).policy)

/** What the call resolves to, or the limit that refused it. */
async function outcome<T>(call: Promise<T>) {
  try {
    return { result: await call }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { exhausted: error.facts.limit }
  }
}

/**
 * Stores one challenge. On a server two processes use it, and on an embedded database only one.
 */
async function storeChallenge(t: Test, change: Partial<Challenge> = {}) {
  const { prisma, url } = await shared
  const stores = [challengesOn(prisma)]
  if (url !== undefined) {
    const other = await openDatabase(url)
    t.teardown(other.close)
    stores.push(challengesOn(other.prisma))
  }
  const owner = await prisma.user.create({
    data: {
      username: 'ada',
      usernameKey: randomId(),
      passwordDigest: 'a digest',
      phone: '+12025550143'
    }
  })
  const challenge: Challenge = {
    id: randomId(),
    userId: owner.id,
    purpose: 'login',
    codeHash: hash(1),
    codeExpiresAt: after(now, 60),
    resendAt: after(now, 30),
    attemptsLeft: 5,
    expiresAt: after(now, 600),
    consumedAt: null,
    newPhone: null,
    details: null,
    language: null,
    messageId: randomId(),
    delivery: 'queued',
    deliveryReason: null,
    providerMessageId: null,
    ...change
  }
  await prisma.challenge.create({
    data: { ...challenge, details: challenge.details ?? Prisma.DbNull }
  })
  const [challenges = challengesOn(prisma)] = stores
  /** Forty concurrent calls, spread over the processes. */
  const burst = <T>(call: (challenges: Challenges, i: number) => Promise<T>) =>
    Promise.all(
      Array.from({ length: 40 }, (_, i) => call(stores[i % stores.length] ?? challenges, i))
    )
  return { prisma, owner, challenges, challenge, burst, read: () => challenges.find(challenge.id) }
}

const newCode = (change: Partial<NewCode> = {}): NewCode => ({
  codeHash: hash(2),
  codeExpiresAt: after(now, 60),
  resendAt: after(now, 30),
  messageId: randomId(),
  delivery: 'queued',
  deliveryReason: null,
  providerMessageId: null,
  ...change
})

/** The session to open when a challenge is consumed. */
const draft = (): SessionDraft => ({
  id: randomId(),
  tokenHash: hash(9),
  client: 'curl',
  createdAt: now,
  lastUsedAt: now,
  idleExpiresAt: after(now, 3600),
  expiresAt: after(now, 86400)
})

t.test('attempts', async t => {
  t.test('a challenge is read as it was stored', async t => {
    const { challenges, challenge } = await storeChallenge(t)
    t.same(await challenges.find(challenge.id), challenge)
    t.equal(await challenges.find(randomId()), null)
  })

  t.test(
    'forty concurrent calls use only the attempts that are left, each of them once',
    async t => {
      const { challenge, burst, read } = await storeChallenge(t)
      const used = await burst(challenges =>
        challenges.useAttempt(challenge.id, 'login', [], [], now)
      )
      t.same(used.flatMap(attempt => attempt?.challenge.attemptsLeft ?? []).sort(), [0, 1, 2, 3, 4])
      t.equal((await read())?.attemptsLeft, 0)
    }
  )

  for (const change of [
    { attemptsLeft: 0 },
    { consumedAt: now },
    { expiresAt: now },
    { codeExpiresAt: now },
    { codeExpiresAt: after(now, -1) }
  ]) {
    t.test(`no attempt is used on a challenge with ${JSON.stringify(change)}`, async t => {
      const { challenges, challenge, read } = await storeChallenge(t, change)
      t.equal(await challenges.useAttempt(challenge.id, 'login', [], [], now), null)
      t.same(await read(), challenge)
    })
  }

  t.test(
    'forty concurrent guesses use no more attempts than the request limit of the network',
    async t => {
      const { challenge, burst, prisma, read } = await storeChallenge(t)
      await prisma.rateLimit.deleteMany()
      const requests: RateLimit = {
        name: 'requests',
        key: { network: '198.51.100.7' },
        max: 3,
        windowSeconds: 60
      }
      const used = await burst(challenges =>
        outcome(challenges.useAttempt(challenge.id, 'login', [], [consume(requests)], now))
      )
      t.equal(used.filter(({ result }) => result).length, 3)
      t.equal(used.filter(({ exhausted }) => exhausted === 'requests').length, 37)
      t.equal((await read())?.attemptsLeft, 2)
      t.match(await prisma.rateLimit.findMany(), [{ count: 3 }])
    }
  )
})

t.test('consume', async t => {
  t.test('forty concurrent calls consume a challenge once and open one session', async t => {
    const { challenge, prisma, burst, read } = await storeChallenge(t, { language: 'de' })
    const consumed = await burst(challenges => challenges.consume(challenge, draft(), now))
    t.equal(consumed.filter(Boolean).length, 1)
    t.same((await read())?.consumedAt, now)
    const sessions = await prisma.session.findMany({ where: { userId: challenge.userId } })
    t.equal(sessions.length, 1)
    t.hasStrict(sessions, [
      {
        userId: challenge.userId,
        client: 'curl',
        language: 'de',
        createdAt: now,
        expiresAt: after(now, 86400)
      }
    ])
  })

  t.test('a challenge is not consumed for a replaced code or a disabled user', async t => {
    const { challenges, challenge, prisma, read } = await storeChallenge(t)
    t.equal(await challenges.consume({ ...challenge, codeHash: hash(2) }, draft(), now), null)
    await prisma.user.updateMany({ data: { disabled: true } })
    t.equal(await challenges.consume(challenge, draft(), now), null)
    t.equal((await read())?.consumedAt, null)
    t.equal(await prisma.session.count({ where: { userId: challenge.userId } }), 0)
  })

  t.test('concurrent attempts, a new code and the end of a challenge keep the count', async t => {
    const { challenge, burst, read } = await storeChallenge(t, { resendAt: now })
    const code = newCode()
    const results = await burst<unknown>((challenges, i) =>
      i % 4 === 0
        ? challenges.renewCode(challenge, code, [], now)
        : challenges.useAttempt(challenge.id, 'login', [], [], now)
    )
    t.equal(results.filter((result, i) => i % 4 !== 0 && result !== null).length, 5)
    t.same((await read())?.attemptsLeft, 0)
  })
})

t.test('replace', async t => {
  t.test('only one of forty concurrent replacements succeeds and is stored', async t => {
    const { challenges, challenge, owner, burst } = await storeChallenge(t)
    const replaced = await burst(async (challenges, i) => {
      const next = { ...challenge, id: randomId(), codeHash: hash(i + 2), attemptsLeft: 3 }
      return (await challenges.replace(challenge, next, owner, [], now)) ? next : null
    })
    const [next, ...others] = replaced.filter(next => next !== null)
    t.same(others, [])
    t.same(await challenges.find(next?.id ?? ''), next)
    t.equal(await challenges.find(challenge.id), null)
  })

  t.test('only one of forty concurrent first challenges of a user is stored', async t => {
    const { challenge, owner, burst, prisma } = await storeChallenge(t)
    await prisma.challenge.deleteMany()
    const replaced = await burst((challenges, i) =>
      challenges.replace(
        null,
        { ...challenge, id: randomId(), codeHash: hash(i + 2) },
        owner,
        [],
        now
      )
    )
    t.equal(replaced.filter(Boolean).length, 1)
    t.equal(await prisma.challenge.count(), 1)
  })

  t.test('a challenge that replaces a used one is open again', async t => {
    const { challenges, challenge, owner } = await storeChallenge(t, {
      consumedAt: now,
      attemptsLeft: 0
    })
    const next = {
      ...challenge,
      id: randomId(),
      codeHash: hash(2),
      attemptsLeft: 5,
      consumedAt: null
    }
    t.equal(await challenges.replace(challenge, next, owner, [], now), true)
    t.same(await challenges.find(next.id), next)
  })

  t.test('a challenge is replaced only by a login that saw it, its code and its user', async t => {
    const { challenges, challenge, owner, prisma, read } = await storeChallenge(t)
    const next = { ...challenge, id: randomId() }
    t.equal(await challenges.replace(null, next, owner, [], now), false)
    t.equal(
      await challenges.replace({ ...challenge, codeHash: hash(2) }, next, owner, [], now),
      false
    )
    t.equal(
      await challenges.replace(challenge, next, { ...owner, phone: '+12025550144' }, [], now),
      false
    )
    t.equal(
      await challenges.replace(challenge, next, { ...owner, passwordDigest: 'another' }, [], now),
      false
    )
    await prisma.user.updateMany({ data: { disabled: true } })
    t.equal(await challenges.replace(challenge, next, owner, [], now), false)
    t.same(await read(), challenge)
  })

  t.test('a challenge is not replaced by a login that has not seen its last attempt', async t => {
    const { challenges, challenge, owner, read } = await storeChallenge(t)
    const next = { ...challenge, id: randomId(), codeHash: hash(2) }
    const stale = { ...challenge, attemptsLeft: 6 }
    t.equal(await challenges.replace(stale, next, owner, [], now), false)
    t.same(await read(), challenge)
  })

  t.test(
    'a challenge that was used meanwhile is not replaced by a login that saw it open',
    async t => {
      const { challenges, challenge, owner, read } = await storeChallenge(t)
      t.same(await challenges.consume(challenge, null, now), { claims: {} })
      t.equal(
        await challenges.replace(
          challenge,
          { ...challenge, id: randomId(), codeHash: hash(2) },
          owner,
          [],
          now
        ),
        false
      )
      t.same(await read(), { ...challenge, consumedAt: now })
    }
  )
})

t.test('new codes', async t => {
  t.test(
    'only one of forty concurrent new codes is stored, and attempts and expiry stay',
    async t => {
      const { challenge, burst, read } = await storeChallenge(t, { resendAt: now, attemptsLeft: 2 })
      const renewed = await burst(async (challenges, i) => {
        const code = newCode({ codeHash: hash(i + 2) })
        return (await challenges.renewCode(challenge, code, [], now)) ? code : null
      })
      const [code, ...others] = renewed.filter(code => code !== null)
      t.same(others, [])
      t.same(await read(), { ...challenge, ...code })
    }
  )

  t.test('even without a cooldown, only one of forty concurrent new codes is stored', async t => {
    const { challenge, burst } = await storeChallenge(t, { resendAt: now })
    const renewed = await burst((challenges, i) =>
      challenges.renewCode(challenge, newCode({ codeHash: hash(i + 2), resendAt: now }), [], now)
    )
    t.equal(renewed.filter(Boolean).length, 1)
  })

  for (const change of [
    { attemptsLeft: 0 },
    { consumedAt: now },
    { expiresAt: now },
    { resendAt: after(now, 1) }
  ]) {
    t.test(`no code is renewed in a challenge with ${JSON.stringify(change)}`, async t => {
      const { challenges, challenge, read } = await storeChallenge(t, { resendAt: now, ...change })
      const code = newCode()
      t.equal(await challenges.renewCode(challenge, code, [], now), false)
      t.same(await read(), challenge)
    })
  }

  t.test('only the code whose message failed is voided, not a later one', async t => {
    const { challenges, challenge, read } = await storeChallenge(t)
    await challenges.voidCode({ ...challenge, codeHash: hash(2) }, null, now)
    t.same(await read(), challenge)
    await challenges.voidCode(challenge, null, now)
    t.same(await read(), { ...challenge, codeExpiresAt: now, resendAt: now })
  })
})

t.test('delivery', async t => {
  const idsOf = ({ messageId }: Challenge) => ({
    messageId: messageId ?? '',
    providerMessageId: 'SM1'
  })
  const unreachable = {
    reason: 'unreachable',
    undeliverable: null,
    fault: null,
    providerCode: 30003
  } as const

  t.test('only one of forty concurrent equal reports changes the state', async t => {
    const { challenge, burst, owner, read } = await storeChallenge(t)
    const ids = idsOf(challenge)
    const recipients = await burst(challenges =>
      challenges.recordDelivery({ ...ids, delivery: 'failed', failure: unreachable }, now)
    )
    t.same(
      recipients.filter(recipient => recipient !== null),
      [{ userId: owner.id, phone: owner.phone }]
    )
    t.same(await read(), {
      ...challenge,
      delivery: 'failed',
      deliveryReason: 'unreachable',
      providerMessageId: 'SM1'
    })
  })

  t.test('after forty concurrent reports of all states, the final state remains', async t => {
    const { challenge, burst, read } = await storeChallenge(t)
    const ids = idsOf(challenge)
    const states = ['queued', 'sent', 'failed', 'delivered'] as const
    await burst((challenges, i) => {
      const delivery = states[i % 4] ?? 'queued'
      return challenges.recordDelivery(
        delivery === 'failed'
          ? { ...ids, delivery, failure: unreachable }
          : { ...ids, delivery, failure: null },
        now
      )
    })
    t.same(await read(), { ...challenge, delivery: 'delivered', providerMessageId: 'SM1' })
  })

  for (const [reason, seconds] of [
    ['blocked', 86_400],
    ['not-mobile', 86_400],
    ['unassigned', 86_400],
    ['unroutable', 900]
  ] as const)
    t.test(
      `a number that is ${reason} is marked until a time, under a hash of the number`,
      async t => {
        const { challenge, challenges, prisma } = await storeChallenge(t)
        await prisma.rateLimit.deleteMany()
        const mark = { name: `undeliverable.${reason}`, key: { phone: '+12025550143' } } as const
        const limit = check({ ...mark, max: 1, windowSeconds: seconds })
        const failure = { ...unreachable, undeliverable: reason }
        for (const markNumber of [
          () => challenges.voidCode(challenge, { ...failure, phone: '+12025550143' }, now),
          () => challenges.recordDelivery({ ...idsOf(challenge), delivery: 'failed', failure }, now)
        ]) {
          await prisma.challenge.updateMany({
            data: { phoneKey: rateLimitsOn(prisma).hashesOf({ phone: '+12025550143' }).join() }
          })
          await markNumber()
          t.match(await prisma.rateLimit.findMany(), [{ count: 1, resetsAt: after(now, seconds) }])
          t.same(await outcome(rateLimitsOn(prisma).apply([limit], now)), { exhausted: mark.name })
          await prisma.rateLimit.deleteMany()
          await prisma.challenge.updateMany({ data: { delivery: 'queued' } })
        }
      }
    )

  t.test('concurrent sends and reports do not deadlock if two users share a number', async t => {
    const { challenge, burst, owner, prisma } = await storeChallenge(t, { resendAt: now })
    const mark = { ...unreachable, undeliverable: 'blocked' } as const
    const phoneKey = rateLimitsOn(prisma).hashesOf({ phone: 'shared' }).join()
    await prisma.challenge.updateMany({ data: { phoneKey } })
    const limits = ['sms.phone-hour', 'undeliverable.blocked'] as const
    await burst<unknown>((challenges, i) =>
      i % 4 === 0
        ? challenges.recordDelivery({ ...idsOf(challenge), delivery: 'failed', failure: mark }, now)
        : i % 4 === 1
          ? challenges.recordDelivery(
              { ...idsOf(challenge), delivery: 'delivered', failure: null },
              now
            )
          : challenges.replace(
              challenge,
              { ...challenge, codeHash: hash(i), id: randomId(), messageId: randomId() },
              owner,
              limits.map(name =>
                consume({ name, key: { phone: 'shared' }, max: 100, windowSeconds: 60 })
              ),
              now
            )
    )
    t.pass()
  })
})

t.test('message limits', async t => {
  const messages: RateLimit = {
    name: 'sms.phone-hour',
    key: { phone: '+12025550143' },
    max: 1,
    windowSeconds: 3600
  }
  const refused = { exhausted: 'sms.phone-hour' }

  t.test('only the stored one of forty concurrent logins consumes a message limit', async t => {
    const { challenge, owner, burst, prisma } = await storeChallenge(t)
    await prisma.rateLimit.deleteMany()
    const replaced = await burst((challenges, i) => {
      const next = { ...challenge, id: randomId(), codeHash: hash(i + 2) }
      return outcome(challenges.replace(challenge, next, owner, [consume(messages)], now))
    })
    t.equal(replaced.filter(({ result }) => result).length, 1)
    t.same(
      replaced.filter(({ exhausted }) => exhausted !== undefined),
      []
    )
    t.match(await prisma.rateLimit.findMany(), [{ count: 1 }])
  })

  t.test('an exhausted message limit leaves the stored challenge unchanged', async t => {
    const { challenge, challenges, owner, prisma, read } = await storeChallenge(t, {
      resendAt: now
    })
    await prisma.rateLimit.deleteMany()
    const next = { ...challenge, id: randomId(), codeHash: hash(2) }
    const others: RateLimit = { ...messages, name: 'sms.phone-day', max: 20 }
    const limits = [messages, others].map(consume)
    const overtaken = { ...challenge, codeHash: hash(3) }
    t.equal(await challenges.replace(overtaken, next, owner, limits, now), false)
    t.same(await prisma.rateLimit.findMany(), [], 'a login that was overtaken consumes nothing')
    await rateLimitsOn(prisma).apply([consume(messages)], now)
    // The first call of each store queries the database, and the second one remembers the refusal.
    for (const store of [challenges, challenges, challengesOn(prisma)]) {
      t.same(await outcome(store.replace(challenge, next, owner, limits, now)), refused)
      const fresh = challengesOn(prisma)
      t.same(await outcome(fresh.renewCode(challenge, next, limits, now)), refused)
    }
    t.same(await read(), challenge)
    t.equal(await challenges.find(next.id), null)
    t.match(await prisma.rateLimit.findMany({ where: { count: { gt: 0 } } }), [{ count: 1 }])
  })

  t.test('a first challenge that a limit refuses has no valid code', async t => {
    const { challenge, challenges, owner, prisma } = await storeChallenge(t)
    await prisma.rateLimit.deleteMany()
    await rateLimitsOn(prisma).apply([consume(messages)], now)
    const first = (action: string): Challenge => ({
      ...challenge,
      purpose: `confirm:${action}`,
      id: randomId(),
      messageId: randomId(),
      codeHash: hash(2)
    })
    const [one, other] = [first('one'), first('other')]
    const limits = [consume(messages)]
    t.same(await outcome(challenges.replace(null, one, owner, limits, now)), refused)
    t.same(await challenges.find(one.id), {
      ...one,
      codeExpiresAt: now,
      resendAt: now,
      delivery: 'none'
    })
    t.same(await outcome(challenges.replace(null, other, owner, limits, now)), refused)
    t.equal(await challenges.find(other.id), null, 'while the refusal is remembered')
  })
})

if (serverUrl === undefined) t.comment('one connection shows no races: set TEST_DATABASE_URL')

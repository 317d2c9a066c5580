import { randomBytes } from 'node:crypto'
import t from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { deleteExpired } from '../../src/adapters/stores/delete-expired.ts'
import { createRateLimitStore } from '../../src/adapters/stores/rate-limits.ts'
import { after } from '../../src/domain/clock.ts'
import {
  check,
  consume,
  refund,
  reset,
  type LimitAction,
  type RateLimit,
  type RateLimits
} from '../../src/domain/rate-limits/rate-limit.ts'
import { Refusal } from '../../src/domain/refusal.ts'
import { serverUrl, createTestDatabase } from '../support/database.ts'
import { startStatementCounter } from '../support/statement-counter.ts'

const now = new Date('2026-01-31T12:00:00Z')
const secret = randomBytes(32)
const attempts: RateLimit = {
  name: 'password.attempts',
  key: { username: 'ada', network: '198.51.100.7' },
  max: 3,
  windowSeconds: 60
}
const messages: RateLimit = {
  name: 'sms.messages',
  key: { phone: '+12025550143' },
  max: 2,
  windowSeconds: 3600
}
const calls: RateLimit = { name: 'requests', key: {}, max: 5, windowSeconds: 60 }
const skip = serverUrl === undefined && 'set TEST_DATABASE_URL: one connection shows no races'

const { prisma, url } = await createTestDatabase(t)
const second = url === undefined ? undefined : await openDatabase(url)
if (second !== undefined) t.teardown(second.close)
const otherPrisma = second?.prisma ?? prisma

/** Two instances on an empty table. */
async function instances() {
  await prisma.rateLimit.deleteMany()
  return [createRateLimitStore(prisma, secret), createRateLimitStore(otherPrisma, secret)] as const
}

/** The counts, or the limit that refused and the seconds until it resets. */
async function outcome(store: RateLimits, actions: readonly LimitAction[], at = now) {
  try {
    return { counts: await store.apply(actions, at) }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { exhausted: error.facts.limit, retryAfter: error.facts.retryAfter }
  }
}

const consumeTwice = [attempts, messages].map(consume)

t.test('consuming', async t => {
  t.test('instances share the counts, which are returned by name', async t => {
    const [one, other] = await instances()
    t.same(await one.apply(consumeTwice, now), { 'password.attempts': 1, 'sms.messages': 1 })
    t.same(await other.apply(consumeTwice.toReversed(), now), {
      'sms.messages': 2,
      'password.attempts': 2
    })
    t.same(await one.apply([], now), {})
  })

  t.test('a window opens with its first use and ends on the second', async t => {
    const [store] = await instances()
    for (const seconds of [0, 30, 59]) await store.apply([consume(attempts)], after(now, seconds))
    t.same(await outcome(store, [consume(attempts)], after(now, 59)), {
      exhausted: 'password.attempts',
      retryAfter: 1
    })
    t.same(await outcome(store, [consume(attempts)], after(now, 60)), {
      counts: { 'password.attempts': 1 }
    })
    t.same(await outcome(store, [consume(attempts)], after(now, 119)), {
      counts: { 'password.attempts': 2 }
    })
  })

  t.test('one exhausted limit consumes none, and the longest wait is reported', async t => {
    const [one, other] = await instances()
    for (let i = 0; i < 2; i++) await one.apply([consume(messages)], now)
    for (let i = 0; i < 3; i++)
      t.match(await outcome(other, consumeTwice), { exhausted: 'sms.messages' })
    t.same(await one.apply([consume(attempts)], now), { 'password.attempts': 1 })
    for (let i = 0; i < 2; i++) await one.apply([consume(attempts)], now)
    t.same(await outcome(other, consumeTwice), { exhausted: 'sms.messages', retryAfter: 3600 })
  })

  t.test('an exhausted limit of 1 takes precedence over what was counted before', async t => {
    const [store] = await instances()
    await store.apply([consume(messages)], now)
    t.match(await outcome(store, [consume({ ...messages, max: 1 })]), { exhausted: 'sms.messages' })
  })

  t.test('checking counts nothing and refuses an exhausted limit while refunds apply', async t => {
    const [one, other] = await instances()
    t.same(await one.apply([check(attempts), consume(messages)], now), {
      'password.attempts': 0,
      'sms.messages': 1
    })
    for (let i = 0; i < 3; i++) await one.apply([attempts, calls].map(consume), now)
    for (const store of [other, other, one]) {
      const actions = [check(attempts), consume(messages), refund(calls, now)]
      t.same(await outcome(store, actions), { exhausted: 'password.attempts', retryAfter: 60 })
    }
    t.same(await one.apply([messages, calls].map(consume), now), {
      'sms.messages': 2,
      requests: 1
    })
  })

  t.test('evenIfRefused counts when another limit refuses, known or not, and once', async t => {
    const [one, other] = await instances()
    const request: LimitAction = {
      do: 'consume',
      limit: { ...calls, max: 4 },
      evenIfRefused: true
    }
    const full = { ...attempts, max: 1 }
    await one.apply([consume(full)], now)
    for (const [store, actions] of [
      [one, [consume(full), consume(messages), request]],
      [one, [consume(full), consume(messages), request]],
      [other, [check(full), consume(messages), request]]
    ] as const) {
      t.match(await outcome(store, actions), { exhausted: 'password.attempts' })
    }
    t.same(await one.apply([consume(messages), request], now), { 'sms.messages': 1, requests: 4 })
    for (const store of [one, other, one])
      t.same(await outcome(store, [consume(messages), request]), {
        exhausted: 'requests',
        retryAfter: 60
      })
    t.match(await outcome(one, [consume(full), request]), {
      exhausted: /password\.attempts|requests/
    })
    t.same(await one.apply([consume(messages)], now), { 'sms.messages': 2 })
  })
})

t.test('refunds', async t => {
  t.test('a refunded use can be consumed again, never beyond the limit', async t => {
    const [store, fresh] = await instances()
    for (let i = 0; i < 3; i++) await store.apply([consume(attempts)], now)
    t.same(await store.apply([refund(attempts, now)], now), { 'password.attempts': 2 })
    t.same(await store.apply([reset(attempts, now)], now), { 'password.attempts': 0 })
    t.same(await store.apply([refund(attempts, now), refund(messages, now)], now), {
      'password.attempts': 0,
      'sms.messages': 0
    })
    for (let i = 0; i < 3; i++) await store.apply([consume(attempts)], now)
    t.match(await outcome(fresh, [consume(attempts)]), { exhausted: 'password.attempts' })
  })

  t.test('a use of an earlier window is not refunded to a later one', async t => {
    const [store] = await instances()
    await store.apply([consume(attempts)], now)
    await store.apply([consume(attempts)], after(now, 60))
    t.same(await store.apply([refund(attempts, now)], after(now, 61)), { 'password.attempts': 1 })
    t.same(await store.apply([refund(attempts, after(now, 60))], after(now, 61)), {
      'password.attempts': 0
    })
  })

  t.test('a reset takes effect at once in the instance that applied it', async t => {
    const [store] = await instances()
    for (let i = 0; i < 4; i++) await outcome(store, [consume(attempts)])
    await store.apply([reset(attempts, now)], now)
    t.same(await store.apply([consume(attempts)], now), { 'password.attempts': 1 })
  })

  t.test('clear deletes the limits of a key, alone or with others, and nothing else', async t => {
    const [store] = await instances()
    const alone: RateLimit = { ...attempts, name: 'password.alone', key: { username: 'ada' } }
    const grace: RateLimit = {
      ...attempts,
      name: 'password.grace',
      key: { username: 'grace', network: '198.51.100.7' }
    }
    const all = [attempts, alone, grace, messages].map(consume)
    await store.apply(all, now)
    await store.clear(['password.attempts', 'password.alone', 'password.grace'], {
      username: 'ada'
    })
    t.same(await store.apply(all, now), {
      'password.attempts': 1,
      'password.alone': 1,
      'password.grace': 2,
      'sms.messages': 2
    })
  })
})

t.test('races', async t => {
  t.test('forty concurrent uses of two limits succeed no more often than both allow', async t => {
    const both = await instances()
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        outcome(both[i % 2 === 0 ? 0 : 1], i % 4 < 2 ? consumeTwice : consumeTwice.toReversed())
      )
    )
    t.ok(outcomes.filter(({ counts }) => counts !== undefined).length <= 2)
    await both[0].apply(
      [
        consume({ ...messages, key: { phone: 'another' } }),
        consume({ ...attempts, key: { username: 'another' } })
      ],
      now
    )
    const [{ count } = { count: 0 }] = await prisma.rateLimit.findMany({
      where: { key: { startsWith: 'sms.messages:' } },
      orderBy: { count: 'desc' }
    })
    t.ok(count <= 2)
  })

  t.test('forty concurrent uses of one limit succeed exactly as often as it allows', async t => {
    const both = await instances()
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, (_, i) => outcome(both[i % 2 === 0 ? 0 : 1], [consume(attempts)]))
    )
    t.same(outcomes.flatMap(({ counts }) => counts?.['password.attempts'] ?? []).sort(), [1, 2, 3])
  })

  t.test('requests that are refused and rolled back concurrently never deadlock', async t => {
    const both = await instances()
    const limits = Array.from({ length: 6 }, (_, n): RateLimit => ({
      ...attempts,
      name: `password.limit-${n}`,
      key: { username: `ada-${n}` },
      max: 2 ** 30
    }))
    const outcomes = await Promise.allSettled(
      Array.from({ length: 200 }, async (_, i) => {
        const some = [...limits.slice(i % 6), ...limits.slice(0, i % 6)]
        const ordered = i % 3 === 0 ? some.reverse() : some
        // A new store remembers no refusal, so it queries the database each time.
        const store = createRateLimitStore(i % 2 === 0 ? prisma : otherPrisma, secret)
        return await outcome(store, [...ordered, { ...attempts, max: 1 }].map(consume))
      })
    )
    t.same(
      outcomes.filter(({ status }) => status === 'rejected'),
      []
    )
    t.equal(
      outcomes.filter(one => one.status === 'fulfilled' && one.value.counts !== undefined).length,
      1
    )
    t.same(
      await both[0].apply(limits.map(consume), now),
      Object.fromEntries(limits.map(({ name }) => [name, 2])),
      'refused requests consume nothing'
    )
  })
})

t.test('what an instance remembers', async t => {
  t.test('the longest wait is reported from memory too', async t => {
    const [store] = await instances()
    for (let i = 0; i < 3; i++) await outcome(store, [consume(messages)])
    for (let i = 0; i < 4; i++) await outcome(store, [consume(attempts)])
    t.same(await outcome(store, consumeTwice), { exhausted: 'sms.messages', retryAfter: 3600 })
  })

  t.test('an exhausted limit is refused from memory for five seconds, then checked', async t => {
    const [one, other] = await instances()
    for (let i = 0; i < 3; i++) await outcome(one, [consume(messages)])
    await other.apply([reset(messages, now)], now)
    t.same(await outcome(one, [consume(messages)], after(now, 4)), {
      exhausted: 'sms.messages',
      retryAfter: 3596
    })
    await other.apply([consume(messages)], after(now, 4))
    await one.apply([consume(messages)], after(now, 5))
  })

  t.test(
    'consuming is one statement, a refusal two, the same refusal again none',
    {
      skip
    },
    async t => {
      const counter = await startStatementCounter(t, url ?? '')
      const counted = await openDatabase(counter.url)
      t.teardown(counted.close)
      const store = createRateLimitStore(counted.prisma, secret)
      // A new connection sets its session settings first.
      await counted.prisma.$queryRaw`SELECT 1`
      counter.take()
      await prisma.rateLimit.deleteMany()
      for (let i = 0; i < 2; i++) {
        await store.apply(consumeTwice, now)
        t.equal(counter.take(), 1)
      }
      await outcome(store, consumeTwice)
      t.equal(counter.take(), 2)
      for (let i = 0; i < 100; i++) await outcome(store, consumeTwice)
      t.equal(counter.take(), 0)
    }
  )
})

t.test('what is stored', async t => {
  t.test('no username, number or address is stored', async t => {
    const [store] = await instances()
    await store.apply(consumeTwice, now)
    const stored = JSON.stringify(await prisma.rateLimit.findMany())
    for (const personal of ['ada', '198.51', '2025550143']) t.notMatch(stored, personal)
    const where = { key: { startsWith: 'sms.messages:' } }
    await createRateLimitStore(prisma, randomBytes(32)).apply([consume(messages)], now)
    t.equal(await prisma.rateLimit.count({ where }), 2, 'the key depends on the secret')
  })

  t.test('expired windows are deleted in batches, others are not', async t => {
    await instances()
    const row = (n: number, seconds: number) => ({
      key: `${seconds}:${n}`,
      count: 1,
      resetsAt: after(now, seconds)
    })
    await prisma.rateLimit.createMany({
      data: [
        ...Array.from({ length: 2500 }, (_, n) => row(n, -n)),
        ...Array.from({ length: 5 }, (_, n) => row(n, n + 1))
      ]
    })
    await deleteExpired(prisma, now)
    t.same(await prisma.rateLimit.count(), 5)
  })

  t.test('deleting does not wait for a row that a request has locked', { skip }, async t => {
    const [store] = await instances()
    await store.apply(consumeTwice, now)
    const over = after(now, 86_400)
    await otherPrisma.$transaction(
      async holder => {
        await holder.$queryRaw`
          SELECT key FROM rate_limits WHERE key LIKE 'password.attempts:%' FOR UPDATE`
        await deleteExpired(prisma, over)
        const left = await prisma.rateLimit.findMany()
        t.same(
          left.map(({ key }) => key.split(':')[0]),
          ['password.attempts']
        )
      },
      { timeout: 3000 }
    )
    await deleteExpired(prisma, over)
    t.equal(await prisma.rateLimit.count(), 0)
  })
})

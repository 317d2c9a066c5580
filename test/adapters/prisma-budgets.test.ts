import { randomBytes } from 'node:crypto'
import t from 'tap'
import { openDatabase } from '../../src/adapters/database.ts'
import { prismaBudgets } from '../../src/adapters/prisma-budgets.ts'
import { sweep } from '../../src/adapters/sweep.ts'
import { refundOf, resetOf, roomFor, type Charge } from '../../src/domain/budgets.ts'
import { after } from '../../src/domain/clock.ts'
import { serverUrl, testDatabase } from '../support/database.ts'
import { statementCounter } from '../support/statement-counter.ts'

const now = new Date('2026-01-31T12:00:00Z')
const secret = randomBytes(32)
const tries: Charge = { budget: 'tries', of: { username: 'ada', network: '198.51.100.7' }, limit: 3, seconds: 60 }
const texts: Charge = { budget: 'texts', of: { phone: '+12025550143' }, limit: 2, seconds: 3600 }

const { prisma, url } = await testDatabase(t)
const second = url === undefined ? undefined : await openDatabase(url)
if (second !== undefined) t.teardown(second.close)
const otherPrisma = second?.prisma ?? prisma

/** Two instances on an empty table. */
async function instances () {
  await prisma.counter.deleteMany()
  return [prismaBudgets(prisma, secret), prismaBudgets(otherPrisma, secret)] as const
}

t.test('what is spent is told, and shared by all instances', async t => {
  const [one, other] = await instances()
  t.same(await one.spend([tries, texts], now), { exhausted: null, spent: [1, 1] })
  t.same(await other.spend([texts, tries], now), { exhausted: null, spent: [2, 2] })
  t.same(await one.spend([], now), { exhausted: null, spent: [] })
})

t.test('a window begins with its first charge, and ends on the second', async t => {
  const [budgets] = await instances()
  for (const seconds of [0, 30, 59]) t.match(await budgets.spend([tries], after(now, seconds)), { exhausted: null })
  t.match(await budgets.spend([tries], after(now, 59)), { exhausted: { budget: 'tries' }, until: after(now, 60) })
  t.same(await budgets.spend([tries], after(now, 60)), { exhausted: null, spent: [1] })
  t.match(await budgets.spend([tries], after(now, 119)), { exhausted: null })
})

t.test('when one budget has no room none is charged, and the longest wait is told', async t => {
  const [one, other] = await instances()
  for (let i = 0; i < 2; i++) await one.spend([texts], now)
  for (let i = 0; i < 3; i++) await other.spend([tries, texts], now)
  t.same(await one.spend([tries], now), { exhausted: null, spent: [1] })
  for (let i = 0; i < 2; i++) await one.spend([tries], now)
  t.match(await other.spend([tries, texts], now), { exhausted: { budget: 'texts' }, until: after(now, 3600) })
})

t.test('of forty charges at once no more go through than there is room for', async t => {
  const both = await instances()
  const outcomes = await Promise.all(Array.from({ length: 40 }, (_, i) => both[i % 2 === 0 ? 0 : 1].spend(i % 4 < 2 ? [tries, texts] : [texts, tries], now)))
  t.ok(outcomes.filter(({ exhausted }) => exhausted === null).length <= 2)
  t.match(await both[0].spend([{ ...texts, of: { phone: 'another' } }, { ...tries, of: { username: 'another' } }], now), { exhausted: null })
  const [{ spent } = { spent: 0 }] = await prisma.counter.findMany({ where: { key: { startsWith: 'texts:' } }, orderBy: { spent: 'desc' } })
  t.ok(spent <= 2)
})

t.test('of forty charges of one budget at once exactly as many go through as there is room for', async t => {
  const both = await instances()
  const outcomes = await Promise.all(Array.from({ length: 40 }, (_, i) => both[i % 2 === 0 ? 0 : 1].spend([tries], now)))
  t.same(outcomes.flatMap(outcome => outcome.exhausted === null ? outcome.spent : []).sort(), [1, 2, 3])
})

t.test('what is given back can be spent again, but there is never more than the limit', async t => {
  const [budgets, fresh] = await instances()
  for (let i = 0; i < 3; i++) await budgets.spend([tries], now)
  t.same(await budgets.spend([refundOf(tries, now)], now), { exhausted: null, spent: [2] })
  t.same(await budgets.spend([resetOf(tries, now)], now), { exhausted: null, spent: [0] })
  t.same(await budgets.spend([refundOf(tries, now), refundOf(texts, now)], now), { exhausted: null, spent: [0, 0] })
  for (let i = 0; i < 3; i++) t.match(await budgets.spend([tries], now), { exhausted: null })
  t.match(await fresh.spend([tries], now), { exhausted: { budget: 'tries' } })
})

t.test('what was charged in one window is not given back to the next', async t => {
  const [budgets] = await instances()
  await budgets.spend([tries], now)
  await budgets.spend([tries], after(now, 60))
  t.same(await budgets.spend([refundOf(tries, now)], after(now, 61)), { exhausted: null, spent: [1] })
  t.same(await budgets.spend([refundOf(tries, after(now, 60))], after(now, 61)), { exhausted: null, spent: [0] })
})

t.test('asking for room charges nothing; where there is none, nothing else is charged either, but what is given back is', async t => {
  const [one, other] = await instances()
  t.same(await one.spend([roomFor(tries), texts], now), { exhausted: null, spent: [0, 1] })
  const calls: Charge = { budget: 'calls', of: {}, limit: 5, seconds: 60 }
  for (let i = 0; i < 3; i++) await one.spend([tries, calls], now)
  for (const budgets of [other, other, one]) {
    t.match(await budgets.spend([roomFor(tries), texts, refundOf(calls, now)], now), { exhausted: { budget: 'tries' }, until: after(now, 60) })
  }
  t.same(await one.spend([texts, calls], now), { exhausted: null, spent: [2, 1] })
})

t.test('what is always charged is charged also where others have no room, known or not, and never twice; without room it refuses the others', async t => {
  const [one, other] = await instances()
  const calls: Charge = { budget: 'calls', of: {}, limit: 4, seconds: 60, always: true }
  await one.spend([{ ...tries, limit: 1 }], now)
  const full = { ...tries, limit: 1 }
  for (const [budgets, charges] of [[one, [full, texts, calls]], [one, [full, texts, calls]], [other, [roomFor(full), texts, calls]]] as const) {
    t.match(await budgets.spend(charges, now), { exhausted: { budget: 'tries' } })
  }
  t.same(await one.spend([texts, calls], now), { exhausted: null, spent: [1, 4] })
  for (const budgets of [one, other, one]) t.match(await budgets.spend([texts, calls], now), { exhausted: { budget: 'calls' }, until: after(now, 60) })
  t.match(await one.spend([full, calls], now), { exhausted: { budget: /tries|calls/ } })
  t.same(await one.spend([texts], now), { exhausted: null, spent: [2] })
})

t.test('an exhausted budget that is given back is open again at once, where that was done', async t => {
  const [budgets] = await instances()
  for (let i = 0; i < 4; i++) await budgets.spend([tries], now)
  await budgets.spend([resetOf(tries, now)], now)
  t.same(await budgets.spend([tries], now), { exhausted: null, spent: [1] })
})

t.test('the longest wait is told from memory too', async t => {
  const [budgets] = await instances()
  for (let i = 0; i < 3; i++) await budgets.spend([texts], now)
  for (let i = 0; i < 4; i++) await budgets.spend([tries], now)
  t.match(await budgets.spend([tries, texts], now), { exhausted: { budget: 'texts' }, until: after(now, 3600) })
})

t.test('charges that are refused and taken back while others are made wait for nobody in a circle', async t => {
  const both = await instances()
  const names = Array.from({ length: 6 }, (_, n) => ({ ...tries, budget: `budget-${n}`, of: { username: `ada-${n}` }, limit: 2 ** 30 }))
  const outcomes = await Promise.allSettled(Array.from({ length: 200 }, async (_, i) => {
    const some = [...names.slice(i % 6), ...names.slice(0, i % 6)]
    // Another memory each, so that every one of them asks and is refused by the database.
    return await prismaBudgets(i % 2 === 0 ? prisma : otherPrisma, secret).spend([...i % 3 === 0 ? some.reverse() : some, { ...tries, limit: 1 }], now)
  }))
  t.same(outcomes.filter(({ status }) => status === 'rejected'), [])
  t.equal(outcomes.filter(outcome => outcome.status === 'fulfilled' && outcome.value.exhausted === null).length, 1)
  t.same(await both[0].spend(names, now), { exhausted: null, spent: names.map(() => 2) }, 'and what was refused is not charged')
})

t.test('a lower limit holds at once, also for what was spent before', async t => {
  const [budgets] = await instances()
  await budgets.spend([texts], now)
  t.match(await budgets.spend([{ ...texts, limit: 1 }], now), { exhausted: { budget: 'texts' } })
})

t.test('an exhausted budget is refused from memory for a minute, then asked for again', async t => {
  const [one, other] = await instances()
  for (let i = 0; i < 3; i++) await one.spend([texts], now)
  await other.spend([resetOf(texts, now)], now)
  t.match(await one.spend([texts], after(now, 59)), { exhausted: { budget: 'texts' }, until: after(now, 3600) })
  t.match(await other.spend([texts], after(now, 59)), { exhausted: null })
  t.match(await one.spend([texts], after(now, 60)), { exhausted: null })
})

t.test('neither a name nor a number nor an address is stored', async t => {
  const [budgets] = await instances()
  await budgets.spend([tries, texts], now)
  const stored = JSON.stringify(await prisma.counter.findMany())
  for (const personal of ['ada', '198.51', '2025550143']) t.notMatch(stored, personal)
  const [{ key } = { key: '' }] = await prisma.counter.findMany({ where: { key: { startsWith: 'texts:' } } })
  await prismaBudgets(prisma, randomBytes(32)).spend([texts], now)
  t.equal(await prisma.counter.count({ where: { key: { startsWith: 'texts:' } } }), 2, `${key} hangs on the secret`)
})

t.test('forgetting a name forgets what is for it, alone or with others, and nothing else', async t => {
  const [budgets] = await instances()
  const alone = { ...tries, budget: 'alone', of: { username: 'ada' } }
  const grace = { ...tries, of: { username: 'grace', network: '198.51.100.7' } }
  await budgets.spend([tries, alone, grace, texts], now)
  await budgets.clear(['tries', 'alone'], { username: 'ada' })
  t.same(await budgets.spend([tries, alone, grace, texts], now), { exhausted: null, spent: [1, 1, 2, 2] })
})

t.test('what is over is swept away in batches, what runs is not', async t => {
  await instances()
  const row = (n: number, seconds: number) => ({ key: `${seconds}:${n}`, spent: 1, endsAt: after(now, seconds) })
  await prisma.counter.createMany({ data: [...Array.from({ length: 2500 }, (_, n) => row(n, -n)), ...Array.from({ length: 5 }, (_, n) => row(n, n + 1))] })
  await sweep(prisma, now)
  t.same(await prisma.counter.count(), 5)
})

if (serverUrl !== undefined) {
  t.test('a charge is one statement, a refused one two, and one that is refused again none', async t => {
    const counter = await statementCounter(t, url ?? '')
    const counted = await openDatabase(counter.url)
    t.teardown(counted.close)
    const budgets = prismaBudgets(counted.prisma, secret)
    await prisma.counter.deleteMany()
    for (let i = 0; i < 2; i++) {
      await budgets.spend([texts, tries], now)
      t.equal(counter.take(), 1)
    }
    await budgets.spend([texts, tries], now)
    t.equal(counter.take(), 2)
    for (let i = 0; i < 100; i++) await budgets.spend([tries, texts], now)
    t.equal(counter.take(), 0)
  })
}

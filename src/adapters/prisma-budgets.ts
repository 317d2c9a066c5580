import { createHmac } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Budgets, Charge } from '../domain/budgets.ts'
import { deriveKey } from '../domain/derive-key.ts'
import type { PrismaClient } from './prisma/client.ts'

/** Milliseconds for which an exhausted budget is refused without asking the database: another instance may have freed it. */
const rememberedFor = 60_000

/**
 * Budgets as counters in PostgreSQL: one statement, however many are charged; a second one when a budget has no room; and
 * none while that is remembered, so that a flood of requests is no flood of statements.
 * A name, number or address is stored only as a hash under a key from `secret`.
 */
export function prismaBudgets (prisma: PrismaClient, secret: Buffer): Budgets {
  const key = deriveKey(secret, 'budgets')
  const exhausted = new LRUCache<string, { until: Date, askAgain: Date }>({ max: 10_000 })
  const hashOf = (part: string) => createHmac('sha256', key).update(part).digest('base64url').slice(0, 22)

  return {
    async spend (charges, now) {
      const wanted = charges.map(charge => ({ ...charge, key: [charge.budget, ...charge.of.map(hashOf)].join(':'), cost: charge.cost ?? 1 }))
      for (const one of wanted) {
        const known = exhausted.get(one.key)
        if (one.cost > 0 && known !== undefined && known.until > now && known.askAgain > now) return { exhausted: one, until: known.until }
      }
      const spent = await charge(prisma, wanted, now)
      const refused = wanted.filter(({ key }) => !spent.has(key))
      if (refused.length === 0) return { exhausted: null, spent: wanted.map(({ key }) => spent.get(key) ?? 0) }

      const ends = await takeBack(prisma, wanted.filter(({ key, cost }) => cost > 0 && spent.has(key)), refused, now)
      const waits = refused.map(one => ({ one, until: ends.get(one.key) ?? now }))
      for (const { one, until } of waits) exhausted.set(one.key, { until, askAgain: new Date(now.getTime() + rememberedFor) })
      const longest = waits.reduce((a, b) => a.until > b.until ? a : b)
      return { exhausted: longest.one, until: longest.until }
    },
    async clear (budgets, of) {
      await prisma.$executeRaw`
        DELETE FROM counters WHERE split_part(key, ':', 1) = ANY(${budgets}::text[]) AND ${hashOf(of)} = ANY(string_to_array(key, ':'))`
    }
  }
}

type Wanted = Charge & { key: string, cost: number }

/** Charges what has room, and resolves to what is spent of it by then. In the order of the keys, so that no two wait for one another. */
async function charge (prisma: PrismaClient, wanted: Wanted[], now: Date): Promise<Map<string, number>> {
  if (wanted.length === 0) return new Map()
  const rows = await prisma.$queryRaw<{ key: string, spent: number }[]>`
    WITH wanted AS (
      SELECT * FROM unnest(${wanted.map(({ key }) => key)}::text[], ${wanted.map(({ cost }) => cost)}::int[],
        ${wanted.map(({ limit }) => limit)}::int[], ${wanted.map(({ seconds }) => seconds)}::int[]) AS wanted (key, cost, most, seconds)
    )
    INSERT INTO counters AS counter (key, spent, ends_at)
    SELECT key, greatest(cost, 0), ${now}::timestamptz + make_interval(secs => seconds) FROM wanted WHERE cost <= most ORDER BY key
    ON CONFLICT (key) DO UPDATE SET
      spent = CASE WHEN counter.ends_at <= ${now}::timestamptz THEN EXCLUDED.spent
                   ELSE greatest(counter.spent + (SELECT cost FROM wanted WHERE wanted.key = counter.key), 0) END,
      ends_at = CASE WHEN counter.ends_at <= ${now}::timestamptz THEN EXCLUDED.ends_at ELSE counter.ends_at END
    WHERE counter.ends_at <= ${now}::timestamptz
       OR (SELECT cost < 0 OR counter.spent + cost <= most FROM wanted WHERE wanted.key = counter.key)
    RETURNING key, spent`
  return new Map(rows.map(({ key, spent }) => [key, spent]))
}

/** Undoes the charges that had room, and resolves to when the windows of those that had none are over. */
async function takeBack (prisma: PrismaClient, charged: Wanted[], refused: Wanted[], now: Date): Promise<Map<string, Date>> {
  const rows = await prisma.$queryRaw<{ key: string, endsAt: Date }[]>`
    WITH charged AS (
      SELECT * FROM unnest(${charged.map(({ key }) => key)}::text[], ${charged.map(({ cost }) => cost)}::int[]) AS charged (key, cost)
    ), undone AS (
      UPDATE counters SET spent = greatest(spent - cost, 0) FROM charged WHERE counters.key = charged.key
    )
    SELECT key, ends_at AS "endsAt" FROM counters WHERE key = ANY(${refused.map(({ key }) => key)}::text[]) AND ends_at > ${now}::timestamptz`
  return new Map(rows.map(({ key, endsAt }) => [key, endsAt]))
}

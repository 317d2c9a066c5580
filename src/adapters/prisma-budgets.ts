import { createHmac } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Budgets, Charge } from '../domain/budgets.ts'
import { deriveKey } from '../domain/derive-key.ts'
import type { PrismaClient } from './prisma/client.ts'

/** Milliseconds for which an exhausted budget is refused without asking the database: another instance may have freed it. */
const rememberedFor = 60_000

/**
 * Budgets as counters in PostgreSQL: one statement, however many are charged; a second one when a budget has no room; and
 * none while that is remembered, so that a flood of requests is no flood of statements. All statements lock counters in the
 * order of their keys, or two of them would wait for one another.
 * A name, number or address is stored only as a hash under a key from `secret`.
 */
export function prismaBudgets (prisma: PrismaClient, secret: Buffer): Budgets {
  const key = deriveKey(secret, 'budgets')
  const exhausted = new LRUCache<string, { until: Date, askAgain: Date }>({ max: 10_000 })
  const hashOf = ([what, value]: [string, string]) => createHmac('sha256', key).update(`${what}\n${value}`).digest('base64url').slice(0, 22)

  return {
    async spend (charges, now) {
      const wanted = charges.map(charge => ({ ...charge, key: [charge.budget, ...Object.entries(charge.of).map(hashOf)].join(':'), cost: charge.cost ?? 1 }))
      const known = wanted.flatMap(one => {
        const refusal = one.cost >= 0 ? exhausted.get(one.key) : undefined
        return refusal !== undefined && refusal.until > now && refusal.askAgain > now ? [{ one, until: refusal.until }] : []
      })
      const refunds = wanted.filter(({ cost }) => cost < 0)
      const spent = await charge(prisma, known.length > 0 ? refunds : wanted, now)
      for (const { key } of refunds) exhausted.delete(key)
      if (known.length > 0) return longest(known)
      const refused = wanted.filter(({ key }) => !spent.has(key))
      if (refused.length === 0) return { exhausted: null, spent: wanted.map(({ key }) => spent.get(key) ?? 0) }

      const full = await takeBack(prisma, wanted.filter(({ key, cost }) => cost > 0 && spent.has(key)), refused, now)
      for (const { key, until } of full) exhausted.set(key, { until, askAgain: new Date(now.getTime() + rememberedFor) })
      // Of none that is full any more somebody was given back a share just now: the next one who asks may have it.
      return longest(refused.map(one => ({ one, until: full.find(({ key }) => key === one.key)?.until ?? new Date(now.getTime() + 1000) })))
    },
    async clear (budgets, of) {
      const hashes = Object.entries(of).map(hashOf)
      await prisma.$executeRaw`
        DELETE FROM counters WHERE key IN (
          SELECT key FROM counters
          WHERE split_part(key, ':', 1) = ANY(${budgets}::text[]) AND string_to_array(key, ':') @> ${hashes}::text[]
          ORDER BY key FOR UPDATE
        )`
    }
  }
}

type Wanted = Charge & { key: string, cost: number }

const longest = (refusals: { one: Charge, until: Date }[]) => {
  const { one, until } = refusals.reduce((a, b) => a.until > b.until ? a : b)
  return { exhausted: one, until }
}

/** Charges what has room, if there is room where that is only asked for; resolves to what is spent of each that went well. */
async function charge (prisma: PrismaClient, wanted: Wanted[], now: Date): Promise<Map<string, number>> {
  if (wanted.length === 0) return new Map()
  const rows = await prisma.$queryRaw<{ key: string, spent: number }[]>`
    WITH wanted AS (
      SELECT * FROM unnest(
        ${wanted.map(({ key }) => key)}::text[], ${wanted.map(({ cost }) => cost)}::int[], ${wanted.map(({ limit }) => limit)}::int[],
        ${wanted.map(({ seconds }) => seconds)}::int[], ${wanted.map(({ chargedAt }) => chargedAt ?? now)}::timestamptz[]
      ) AS wanted (key, cost, most, seconds, charged_at)
    ), full_already AS (
      SELECT key FROM wanted JOIN counters USING (key) WHERE cost = 0 AND spent >= most AND ends_at > ${now}::timestamptz
    ), charged AS (
      INSERT INTO counters AS counter (key, spent, ends_at)
      SELECT key, greatest(cost, 0), ${now}::timestamptz + make_interval(secs => seconds) FROM wanted
      WHERE cost < 0 OR (cost BETWEEN 1 AND most AND NOT EXISTS (SELECT FROM full_already))
      ORDER BY key
      ON CONFLICT (key) DO UPDATE SET
        spent = CASE WHEN counter.ends_at <= ${now}::timestamptz THEN EXCLUDED.spent ELSE (
          SELECT CASE WHEN cost < 0 AND counter.ends_at > charged_at + make_interval(secs => seconds) THEN counter.spent
                      ELSE greatest(counter.spent + cost, 0) END
          FROM wanted WHERE wanted.key = counter.key
        ) END,
        ends_at = CASE WHEN counter.ends_at <= ${now}::timestamptz THEN EXCLUDED.ends_at ELSE counter.ends_at END
      WHERE counter.ends_at <= ${now}::timestamptz
         OR (SELECT cost < 0 OR counter.spent + cost <= most FROM wanted WHERE wanted.key = counter.key)
      RETURNING key, spent
    )
    SELECT key, spent FROM charged
    UNION ALL SELECT key, 0 FROM wanted WHERE cost = 0 AND key NOT IN (SELECT key FROM full_already)`
  return new Map(rows.map(({ key, spent }) => [key, spent]))
}

/** Undoes the charges that had room, and resolves to those of the others that have none, and until when. */
async function takeBack (prisma: PrismaClient, charged: Wanted[], refused: Wanted[], now: Date): Promise<{ key: string, until: Date }[]> {
  return await prisma.$queryRaw`
    WITH charged AS (
      SELECT * FROM unnest(${charged.map(({ key }) => key)}::text[], ${charged.map(({ cost }) => cost)}::int[]) AS charged (key, cost)
    ), refused AS (
      SELECT * FROM unnest(${refused.map(({ key }) => key)}::text[], ${refused.map(({ cost, limit }) => limit - Math.max(cost, 1))}::int[]) AS refused (key, room)
    ), held AS (
      SELECT counters.key FROM counters JOIN charged USING (key) ORDER BY counters.key FOR UPDATE OF counters
    ), undone AS (
      UPDATE counters SET spent = greatest(spent - cost, 0) FROM held JOIN charged USING (key) WHERE counters.key = held.key
    )
    SELECT key, ends_at AS until FROM counters JOIN refused USING (key) WHERE spent > room AND ends_at > ${now}::timestamptz`
}

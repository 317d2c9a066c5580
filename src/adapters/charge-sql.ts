import type { Charge } from '../domain/budgets.ts'
import { Prisma } from './prisma/client.ts'

/** A charge as a statement has it: `key` names its counter. */
export type Wanted = Charge & { key: string, cost: number }

/** What `chargeSql` tells: whether anything was to be charged, whether all of it had room, and what is spent, by key, of what had. */
export type Bill = { due: boolean, paid: boolean, spent: Record<string, number> | null }

/**
 * The clauses of a WITH that charge these, if `due`, to the counters that have room. The last one, `bill`, is one row of the
 * columns of `Bill`: the rest of the statement is to do nothing unless `paid`, so that work and charges are one round trip.
 * All statements lock counters in the order of their keys, or two of them would wait for one another; a person is locked
 * before any counter. A guess charges its request before it locks the challenge, so whoever holds a challenge and not its person
 * charges nothing but texts.
 */
export const chargeSql = (wanted: readonly Wanted[], now: Date, due = Prisma.sql`TRUE`) => Prisma.sql`
  wanted AS (
    SELECT * FROM unnest(
      ${wanted.map(({ key }) => key)}::text[], ${wanted.map(({ cost }) => cost)}::int[], ${wanted.map(({ limit }) => limit)}::int[],
      ${wanted.map(({ seconds }) => seconds)}::int[], ${wanted.map(({ always = false }) => always)}::bool[],
      ${wanted.map(({ chargedAt }) => chargedAt ?? now)}::timestamptz[]
    ) AS wanted (key, cost, most, seconds, always, charged_at)
  ), full_already AS (
    SELECT key FROM wanted JOIN counters USING (key) WHERE cost = 0 AND spent >= most AND ends_at > ${now}::timestamptz
  ), charged AS (
    INSERT INTO counters AS counter (key, spent, ends_at)
    SELECT key, greatest(cost, 0), ${now}::timestamptz + make_interval(secs => seconds) FROM wanted
    WHERE ${due} AND (cost < 0 OR (cost BETWEEN 1 AND most AND (always OR NOT EXISTS (SELECT FROM full_already))))
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
  ), bill AS (
    SELECT ${due} AS due, count(*) = (SELECT count(*) FROM wanted) AS paid, json_object_agg(key, spent) AS spent
    FROM (SELECT key, spent FROM charged UNION ALL SELECT key, 0 FROM wanted WHERE cost = 0 AND key NOT IN (SELECT key FROM full_already)) AS had_room
  )`

import {
  rateLimited,
  type LimitAction,
  type LimitCounts,
  type RateLimit,
  type RateLimits
} from '../../domain/rate-limits/rate-limit.ts'
import { Prisma, type PrismaClient } from '../prisma/client.ts'
import { createExhaustedLimits } from './exhausted-limits.ts'
import { limitCtes, type RequestedAction, type Verdict } from './limit-ctes.ts'
import { createLimitKeys } from './limit-keys.ts'

/** The rate limits, for the rules and for the statements of other stores. */
export type RateLimitStore = RateLimits & {
  /**
   * Applies these actions together with other work, in one statement. `statement` gets the CTEs of
   * `limitCtes` and selects one row: `verdict.*` and its own columns. Resolves to the row, and to
   * the counts by name. Throws `rateLimited`. If a limit is known to be exhausted, it throws
   * without running the statement.
   */
  applyWith: <Row>(
    actions: readonly LimitAction[],
    now: Date,
    statement: Statement
  ) => Promise<{ row: Row; counts: LimitCounts }>
  /** The hashes in the keys of all limits whose `key` contains these parts. */
  hashesOf: (key: RateLimit['key']) => string[]
}

type Statement = (limits: (due?: Prisma.Sql) => Prisma.Sql) => Prisma.Sql

/** A limit that refuses a request, and until when. */
type Exhausted = { limit: RateLimit; resetsAt: Date }

type Outcome<Row> =
  | { allowed: true; row: Row; counts: Record<string, number> }
  | { allowed: false; exhausted: readonly [Exhausted, ...Exhausted[]] }

/**
 * Rate limits in PostgreSQL. Any number of them takes one statement, and a second one when a limit
 * is exhausted. While an exhausted limit is remembered, it takes no statement, so a flood of
 * requests is not a flood of statements. Usernames, numbers and addresses are stored as hashes
 * under a key derived from `secret`.
 */
export function createRateLimitStore(prisma: PrismaClient, secret: Buffer): RateLimitStore {
  const { keyOf, hashesOf } = createLimitKeys(secret)
  const exhaustedLimits = createExhaustedLimits()

  /** The limits among these that are known to be exhausted. */
  const knownToBeExhausted = (requested: readonly RequestedAction[], now: Date): Exhausted[] =>
    requested.flatMap(({ key, action }) => {
      const resetsAt = isRefusable(action) ? exhaustedLimits.resetsAt(key, now) : undefined
      return resetsAt === undefined ? [] : [{ limit: action.limit, resetsAt }]
    })

  async function run<Row>(
    requested: readonly RequestedAction[],
    now: Date,
    statement: Statement
  ): Promise<Outcome<Row>> {
    const query = statement(due => limitCtes(requested, now, due))
    const [selected] = await prisma.$queryRaw<(Verdict & Row)[]>`${query}`
    if (selected === undefined) throw new Error('a statement with rate limits returned no verdict')
    const { due, allowed, counts, ...row } = selected
    // Omit<Verdict & Row, keyof Verdict> is Row, unless a Row has columns of the same name.
    if (!due) return { allowed: true, row: row as Row, counts: {} }
    for (const { key, action } of requested) if (!isRefusable(action)) exhaustedLimits.forget(key)
    return allowed
      ? { allowed: true, row: row as Row, counts: counts ?? {} }
      : { allowed: false, exhausted: await rollBack(requested, counts ?? {}, now) }
  }

  /** Undoes what a refused request consumed, and finds out until when it is refused. */
  async function rollBack(
    requested: readonly RequestedAction[],
    granted: Record<string, number>,
    now: Date
  ): Promise<[Exhausted, ...Exhausted[]]> {
    const refused = requested.filter(({ key }) => !(key in granted))
    const consumed = requested.filter(
      ({ key, action }) =>
        (action.do === 'consume-stored' || (action.do === 'consume' && !action.evenIfRefused)) &&
        key in granted
    )
    const resets = await rollBackSql(prisma, consumed, refused, now)
    for (const { key, resetsAt } of resets) exhaustedLimits.remember(key, resetsAt, now)
    const exhausted = resets.flatMap(({ key, resetsAt }) => {
      const limit = refused.find(one => one.key === key)?.action.limit
      return limit === undefined ? [] : [{ limit, resetsAt }]
    })
    if (exhausted.length === 0) {
      // A concurrent request has refunded the limit meanwhile. The next request may succeed.
      const soon = new Date(now.getTime() + 1000)
      exhausted.push(...refused.map(({ action: { limit } }) => ({ limit, resetsAt: soon })))
    }
    const [first, ...others] = exhausted
    if (first === undefined) throw new Error('a request was refused, but no limit refuses it')
    return [first, ...others]
  }

  const store: RateLimitStore = {
    async apply(actions, now) {
      if (actions.length === 0) return {}
      return (await store.applyWith(actions, now, selectVerdict)).counts
    },
    async applyWith<Row>(actions: readonly LimitAction[], now: Date, statement: Statement) {
      const requested = actions.map(action => ({ key: keyOf(action.limit), action }))
      const known = knownToBeExhausted(requested, now)
      if (known.length > 0) {
        const unconditional = requested.filter(
          ({ action }) =>
            isUnconditional(action) && known.every(({ limit }) => limit !== action.limit)
        )
        const outcome: Outcome<unknown> =
          unconditional.length === 0
            ? { allowed: true, row: null, counts: {} }
            : await run(unconditional, now, selectVerdict)
        throw refusalOf([...known, ...(outcome.allowed ? [] : outcome.exhausted)], now)
      }
      const outcome = await run<Row>(requested, now, statement)
      if (!outcome.allowed) throw refusalOf(outcome.exhausted, now)
      return { row: outcome.row, counts: countsByName(requested, outcome.counts) }
    },
    async find(names, key, now) {
      const found = await prisma.$queryRaw<{ key: string; count: number; resetsAt: Date }[]>`
        SELECT key, count, resets_at AS "resetsAt"
        FROM rate_limits
        WHERE split_part(key, ':', 1) = ANY(${names}::text[])
          AND string_to_array(key, ':') @> ${hashesOf(key)}::text[]
          AND count > 0
          AND resets_at > ${now}::timestamptz
        ORDER BY resets_at, key`
      return found.map(({ key, count, resetsAt }) => {
        const [name = '', ...hashes] = key.split(':')
        return {
          name,
          count,
          resetsAt,
          isFor: part => hashesOf(part).every(hash => hashes.includes(hash))
        }
      })
    },
    async clear(names, key) {
      const hashes = hashesOf(key)
      const cleared = await prisma.$queryRaw<{ key: string; count: number }[]>`
        DELETE FROM rate_limits
        WHERE key IN (
          SELECT key
          FROM rate_limits
          WHERE split_part(key, ':', 1) = ANY(${names}::text[])
            AND string_to_array(key, ':') @> ${hashes}::text[]
          ORDER BY key
          FOR UPDATE
        )
        RETURNING key, count`
      for (const limit of cleared) exhaustedLimits.forget(limit.key)
      return cleared.flatMap(({ key, count }) => (count > 0 ? (key.split(':')[0] ?? []) : []))
    },
    hashesOf
  }
  return store
}

const selectVerdict: Statement = limits => Prisma.sql`WITH ${limits()} SELECT * FROM verdict`

/** Refunds and resets always succeed. */
const isRefusable = ({ do: kind }: LimitAction) =>
  kind === 'consume' || kind === 'consume-stored' || kind === 'check'

const isUnconditional = (action: LimitAction) =>
  !isRefusable(action) || (action.do === 'consume' && action.evenIfRefused === true)

/** The refusal for the exhausted limit that resets last. */
function refusalOf(exhausted: readonly Exhausted[], now: Date) {
  const [last] = exhausted.toSorted((a, b) => b.resetsAt.getTime() - a.resetsAt.getTime())
  if (last === undefined) throw new Error('no limit is exhausted')
  return rateLimited(last.limit, last.resetsAt, now)
}

function countsByName(requested: readonly RequestedAction[], counts: Record<string, number>) {
  const byName: Record<string, number> = {}
  for (const { key, action } of requested) byName[action.limit.name] ??= counts[key] ?? 0
  return byName
}

/**
 * Takes back the uses of `consumed`. Resolves to those of `refused` that are exhausted, with the
 * end of their windows. Also shortens windows that a clock which ran ahead has made too long,
 * because the statement that consumes writes nothing to an exhausted limit.
 */
async function rollBackSql(
  prisma: PrismaClient,
  consumed: readonly RequestedAction[],
  refused: readonly RequestedAction[],
  now: Date
): Promise<{ key: string; resetsAt: Date }[]> {
  const reviewed = [...consumed, ...refused]
  const at = Prisma.sql`${now}::timestamptz`
  return await prisma.$queryRaw`
    WITH reviewed AS (
      SELECT
        key,
        is_consumed,
        is_stored,
        max,
        ${at} + make_interval(secs => window_seconds) AS latest_reset
      FROM unnest(
        ${reviewed.map(({ key }) => key)}::text[],
        ${reviewed.map(one => consumed.includes(one))}::bool[],
        ${reviewed.map(({ action }) => action.do === 'consume-stored')}::bool[],
        ${reviewed.map(({ action }) => action.limit.max)}::int[],
        ${reviewed.map(({ action }) => action.limit.windowSeconds)}::int[]
      ) AS reviewed (key, is_consumed, is_stored, max, window_seconds)
    ),
    locked AS (
      SELECT rate_limits.key
      FROM rate_limits
      JOIN reviewed USING (key)
      WHERE is_consumed OR resets_at > latest_reset
      ORDER BY rate_limits.key
      FOR UPDATE OF rate_limits
    ),
    rolled_back AS (
      UPDATE rate_limits
      SET
        count = CASE WHEN is_consumed THEN greatest(count - 1, 0) ELSE count END,
        -- The next use of a stored limit opens a window of its own.
        resets_at = CASE
          WHEN is_consumed AND is_stored THEN ${at}
          ELSE least(resets_at, latest_reset)
        END
      FROM locked
      JOIN reviewed USING (key)
      WHERE rate_limits.key = locked.key
    )
    SELECT key, least(resets_at, latest_reset) AS "resetsAt"
    FROM rate_limits
    JOIN reviewed USING (key)
    WHERE NOT is_consumed
      AND count >= max
      AND resets_at > ${at}`
}

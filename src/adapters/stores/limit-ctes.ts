import type { LimitAction } from '../../domain/rate-limits/rate-limit.ts'
import { Prisma } from '../prisma/client.ts'

/** A limit action with the key of its row. */
export type RequestedAction = { key: string; action: LimitAction }

/**
 * The columns of `verdict`: whether the actions were due, whether all limits allowed them, and the
 * counts, by key, of the limits that did.
 */
export type Verdict = { due: boolean; allowed: boolean; counts: Record<string, number> | null }

/**
 * The CTEs that apply rate limits as a part of a statement, so that limits and work are one round
 * trip. The last one, `verdict`, is one row with the columns of `Verdict`. The rest of the
 * statement must do nothing unless `verdict.allowed`. Nothing is applied unless `due`.
 *
 * Rows are locked in the order of their keys. docs/architecture.md has the lock order of all
 * statements.
 */
export function limitCtes(
  requested: readonly RequestedAction[],
  now: Date,
  due = Prisma.sql`TRUE`
): Prisma.Sql {
  const at = Prisma.sql`${now}::timestamptz`
  const limits = requested.map(({ action }) => action.limit)
  return Prisma.sql`
    requested AS (
      SELECT
        *,
        action IN ('consume', 'consume-stored') AS consumes,
        action = 'check'
          OR action = 'consume-stored' AND NOT EXISTS (
            SELECT FROM rate_limits
            WHERE rate_limits.key = requested.key
          ) AS stores_nothing
      FROM unnest(
        ${requested.map(({ key }) => key)}::text[],
        ${requested.map(({ action }) => action.do)}::text[],
        ${requested.map(({ action }) => 'evenIfRefused' in action)}::bool[],
        ${requested.map(({ action }) => consumedAt(action) ?? now)}::timestamptz[],
        ${limits.map(({ max }) => max)}::int[],
        ${limits.map(({ windowSeconds }) => windowSeconds)}::int[]
      ) AS requested (key, action, even_if_refused, consumed_at, max, window_seconds)
    ),
    exhausted_checks AS (
      SELECT key
      FROM requested
      JOIN rate_limits USING (key)
      WHERE action IN ('check', 'consume-stored')
        AND count >= max
        AND resets_at > ${at}
    ),
    applied AS (
      INSERT INTO rate_limits AS stored (key, count, resets_at)
      SELECT
        key,
        CASE WHEN consumes THEN 1 ELSE 0 END,
        ${at} + make_interval(secs => window_seconds)
      FROM requested
      WHERE ${due}
        AND NOT stores_nothing
        AND (NOT consumes OR even_if_refused OR NOT EXISTS (SELECT FROM exhausted_checks))
      ORDER BY key
      ON CONFLICT (key) DO UPDATE SET
        count = (
          SELECT CASE
            -- The window has ended. Start another.
            WHEN stored.resets_at <= ${at} THEN EXCLUDED.count
            WHEN consumes THEN stored.count + 1
            -- The use was counted in an earlier window.
            WHEN stored.resets_at > consumed_at + make_interval(secs => window_seconds)
              THEN stored.count
            WHEN action = 'refund' THEN greatest(stored.count - 1, 0)
            ELSE 0
          END
          FROM requested
          WHERE requested.key = stored.key
        ),
        resets_at = CASE
          WHEN stored.resets_at <= ${at} THEN EXCLUDED.resets_at
          -- A clock that ran ahead opened a window that ends too late.
          ELSE least(stored.resets_at, EXCLUDED.resets_at)
        END
      WHERE stored.resets_at <= ${at}
        OR (
          SELECT NOT consumes OR stored.count < max
          FROM requested
          WHERE requested.key = stored.key
        )
      RETURNING key, count
    ),
    granted AS (
      SELECT key, count
      FROM applied
      UNION ALL
      SELECT key, 0
      FROM requested
      WHERE stores_nothing
        AND key NOT IN (SELECT key FROM exhausted_checks)
    ),
    verdict AS (
      SELECT
        ${due} AS due,
        count(*) = (SELECT count(*) FROM requested) AS allowed,
        json_object_agg(key, count) AS counts
      FROM granted
    )`
}

const consumedAt = (action: LimitAction) =>
  action.do === 'refund' || action.do === 'reset' ? action.consumedAt : undefined

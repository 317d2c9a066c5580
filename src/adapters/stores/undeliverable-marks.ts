import { after } from '../../domain/clock.ts'
import {
  undeliverableLimit,
  undeliverableLimitNames,
  type UndeliverableReason
} from '../../domain/codes/undeliverable.ts'
import { Prisma } from '../prisma/client.ts'
import { limitKey } from './limit-keys.ts'

// A mark is the row of an exhausted rate limit (see `checkDeliverable`). These are parts of
// statements that learn something about a message.

/** Marks the number whose hash `phoneKey` selects as `phone_key`, in at most one row. */
export function markUndeliverable(
  phoneKey: Prisma.Sql,
  reason: UndeliverableReason,
  now: Date
): Prisma.Sql {
  const { name, windowSeconds } = undeliverableLimit(reason)
  return Prisma.sql`
    INSERT INTO rate_limits (key, count, resets_at)
    SELECT ${limitKey(name, [''])} || phone_key, 1, ${after(now, windowSeconds)}::timestamptz
    FROM (${phoneKey}) AS number
    ON CONFLICT (key) DO UPDATE SET count = 1, resets_at = EXCLUDED.resets_at`
}

/** Removes all marks of the number whose hash `phoneKey` selects as `phone_key`. */
export const unmarkUndeliverable = (phoneKey: Prisma.Sql) => Prisma.sql`
  DELETE FROM rate_limits
  WHERE key IN (
    SELECT key
    FROM rate_limits
    JOIN (
      SELECT prefix || phone_key AS key
      FROM (${phoneKey}) AS number,
        unnest(${undeliverableLimitNames.map(name => limitKey(name, ['']))}::text[]) AS prefix
    ) AS marks USING (key)
    ORDER BY key
    FOR UPDATE OF rate_limits
  )`

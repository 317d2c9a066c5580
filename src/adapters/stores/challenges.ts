import { after } from '../../domain/clock.ts'
import type { Attempt, Challenge, Challenges, UserSnapshot } from '../../domain/codes/challenge.ts'
import { replacedBy } from '../../domain/codes/delivery.ts'
import { lockoutKind } from '../../domain/codes/purpose.ts'
import { clockSkew, type DeadlinePolicy } from '../../domain/deadlines.ts'
import type { LimitAction } from '../../domain/rate-limits/rate-limit.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { User } from '../../domain/users/user.ts'
import { Prisma, type Challenge as ChallengeRow, type PrismaClient } from '../prisma/client.ts'
import {
  challengeColumns,
  lockoutColumns,
  splitRow,
  userAndChallengeColumns,
  type UserAndChallengeRow
} from './columns.ts'
import { normalizeFound } from './normalize-found.ts'
import type { RateLimitStore } from './rate-limits.ts'
import { markUndeliverable, unmarkUndeliverable } from './undeliverable-marks.ts'

/**
 * Challenges in PostgreSQL. Every write is one conditional statement that also applies rate limits.
 * No transaction stays open between two statements, and no two instances can both succeed.
 */
export const createChallengeStore = (
  prisma: PrismaClient,
  rateLimits: ChallengeLimits,
  policy: DeadlinePolicy
): Challenges => ({
  find: async id =>
    toChallenge(await prisma.challenge.findUnique({ where: { id }, omit: { phoneKey: true } })),

  async findWithUser(id, limits, now) {
    const { row } = await rateLimits.applyWith<UserAndChallengeRow>(
      limits,
      now,
      limitCtes => Prisma.sql`
        WITH ${limitCtes()}
        SELECT verdict.*, found.*
        FROM verdict
        LEFT JOIN (
          SELECT ${userAndChallengeColumns}
          FROM challenges c
          JOIN users u ON u.id = c.user_id
          WHERE c.id = ${id}
        ) AS found ON verdict.allowed`
    )
    const found = splitRow(row)
    if (found === null) return null
    const { user, challenge } = await normalizeFound(prisma, policy, found, now)
    return challenge && { user, challenge }
  },

  replace: (previous, next, user, limits, now) =>
    previous === null
      ? insertFirst(prisma, rateLimits, next, user, limits, now)
      : replaceStored(rateLimits, previous, next, user, limits, now),

  async renewCode(previous, code, limits, now) {
    const { row } = await rateLimits.applyWith<Stored>(
      limits,
      now,
      limitCtes => Prisma.sql`
        WITH locked AS (
          SELECT id
          FROM challenges
          WHERE id = ${previous.id}
            AND code_hash = ${previous.codeHash}
            AND attempts_left > 0
            AND consumed_at IS NULL
            AND expires_at > ${now}::timestamptz
            AND (resend_at <= ${now}::timestamptz OR delivery = 'failed')
          FOR NO KEY UPDATE
        ),
        ${limitCtes(holdsLock)},
        stored AS (
          UPDATE challenges
          SET
            code_hash = ${code.codeHash},
            code_expires_at = ${code.codeExpiresAt}::timestamptz,
            resend_at = ${code.resendAt}::timestamptz,
            message_id = ${code.messageId},
            delivery = ${code.delivery},
            delivery_reason = ${code.deliveryReason},
            provider_message_id = ${code.providerMessageId}
          FROM locked, verdict
          WHERE verdict.allowed
            AND challenges.id = locked.id
          RETURNING challenges.id
        )
        ${selectStored}`
    )
    return row.stored
  },

  async voidCode({ id, codeHash }, failure, now) {
    const undeliverable = failure?.undeliverable ?? null
    // The mark is stored even if a later code has replaced this one. `count(*) >= 0` is always true
    // and makes the mark wait for the challenge (see "Lock order" in docs/architecture.md). A
    // request that sees the void code must also see the mark.
    await prisma.$executeRaw`
      WITH voided AS (
        UPDATE challenges
        SET
          code_expires_at = ${now}::timestamptz,
          resend_at = ${now}::timestamptz,
          delivery = coalesce(${failure && 'failed'}, delivery),
          delivery_reason = coalesce(${failure?.reason}, delivery_reason)
        WHERE id = ${id}
          AND code_hash = ${codeHash}
        RETURNING id
      )
      ${
        undeliverable === null
          ? nothing
          : markUndeliverable(
              Prisma.sql`
                SELECT ${phoneKeyOf(rateLimits, failure?.phone ?? null)}::text AS phone_key
                WHERE (SELECT count(*) >= 0 FROM voided)`,
              undeliverable,
              now
            )
      }`
  },

  async recordDelivery({ messageId, providerMessageId, delivery, failure }, now) {
    const undeliverable = failure?.undeliverable ?? null
    // Who has entered the code has received the message, whatever the carrier reports.
    const unproven = Prisma.sql`SELECT phone_key FROM reported WHERE consumed_at IS NULL`
    const marked =
      undeliverable === null ? nothing : markUndeliverable(unproven, undeliverable, now)
    const unmarked = unmarkUndeliverable(Prisma.sql`SELECT phone_key FROM reported`)
    const [recipient] = await prisma.$queryRaw<{ userId: string; phone: string | null }[]>`
      WITH reported AS (
        UPDATE challenges
        SET
          delivery = ${delivery},
          delivery_reason = ${failure?.reason},
          provider_message_id = coalesce(${providerMessageId}, provider_message_id)
        WHERE message_id = ${messageId}
          AND delivery = ANY(${replacedBy(delivery)}::text[])
        RETURNING user_id, new_phone, phone_key, consumed_at
      ),
      marks AS (${delivery === 'delivered' ? unmarked : marked})
      SELECT user_id AS "userId", coalesce(new_phone, users.phone) AS phone
      FROM reported
      JOIN users ON users.id = user_id`
    return recipient ?? null
  },

  async useAttempt(id, kind, schedule, limits, now) {
    const { failures, lockedUntil } = lockoutColumns[kind]
    const at = Prisma.sql`${now}::timestamptz`
    // The row of the user is locked until the failure is counted, so that concurrent guesses are
    // counted one by one. `count(*) >= 0` is always true. It makes the rate limits wait for that
    // lock (see "Lock order" in docs/architecture.md), and applies them even if the account is
    // locked out. An empty schedule means no lockouts. SQL arrays start at 1, so the entry for this
    // failure is `schedule[failures + 1]`, with the count before it. A code stored by a clock that
    // ran ahead is refused, because its age is unknown.
    const { row } = await rateLimits.applyWith<AttemptRow | { id: null }>(
      limits,
      now,
      limitCtes => Prisma.sql`
        WITH settings AS (
          SELECT ${schedule}::int[] AS schedule
        ),
        locked_user AS (
          SELECT users.id
          FROM users, settings
          WHERE users.id = (SELECT user_id FROM challenges WHERE id = ${id})
            AND (
              cardinality(schedule) = 0
              OR ${failures} < cardinality(schedule)
                AND (${lockedUntil} IS NULL OR ${lockedUntil} <= ${at})
            )
          FOR NO KEY UPDATE OF users
        ),
        ${limitCtes(Prisma.sql`(SELECT count(*) >= 0 FROM locked_user)`)},
        attempted AS (
          UPDATE challenges
          SET attempts_left = attempts_left - 1
          FROM locked_user, verdict
          WHERE verdict.allowed
            AND challenges.id = ${id}
            AND user_id = locked_user.id
            AND attempts_left > 0
            AND consumed_at IS NULL
            AND expires_at > ${at}
            AND expires_at <= ${after(now, policy.challengeTtl + clockSkew)}::timestamptz
            AND code_expires_at > ${at}
            AND code_expires_at <= ${after(now, policy.codeTtl + clockSkew)}::timestamptz
          RETURNING challenges.*
        ),
        counted AS (
          UPDATE users
          SET
            ${failures} = ${failures} + 1,
            ${lockedUntil} = ${at} + make_interval(secs => nullif(schedule[${failures} + 1], 0))
          FROM attempted, settings
          WHERE users.id = attempted.user_id
          RETURNING
            ${failures} AS "codeFailures",
            coalesce(attempted.new_phone, users.phone) AS phone
        )
        SELECT verdict.*, ${challengeColumns}, counted.*
        FROM verdict
        LEFT JOIN (attempted AS c CROSS JOIN counted) ON TRUE`
    )
    if (row.id === null) return null
    const { codeFailures, phone, ...challenge } = row
    return { challenge, codeFailures, phone }
  },

  async consume({ id, userId, purpose, codeHash }, session, now) {
    const { failures, lockedUntil } = lockoutColumns[lockoutKind(purpose)]
    // Every write depends on `closed`, so only the call that closes the challenge opens the session
    // and changes the user.
    const [consumed] = await prisma.$queryRaw<Pick<User, 'claims'>[]>`
      WITH locked_user AS (
        SELECT id
        FROM users
        WHERE id = ${userId}::uuid
          AND NOT disabled
        FOR NO KEY UPDATE
      ),
      closed AS (
        UPDATE challenges
        SET consumed_at = ${now}::timestamptz
        FROM locked_user
        WHERE challenges.id = ${id}
          AND user_id = locked_user.id
          AND code_hash = ${codeHash}
          AND consumed_at IS NULL
        RETURNING user_id, language, phone_key
      ),
      unmarked AS (${unmarkUndeliverable(Prisma.sql`SELECT phone_key FROM closed`)}),
      opened AS (
        INSERT INTO sessions (
          id, user_id, token_hash, client, language,
          created_at, last_used_at, idle_expires_at, expires_at
        )
        SELECT
          ${session?.id}::text,
          user_id,
          ${session?.tokenHash}::bytea,
          ${session?.client},
          language,
          ${session?.createdAt}::timestamptz,
          ${session?.lastUsedAt}::timestamptz,
          ${session?.idleExpiresAt}::timestamptz,
          ${session?.expiresAt}::timestamptz
        FROM closed
        WHERE ${session !== null}
      )
      UPDATE users
      SET
        ${failures} = 0,
        ${lockedUntil} = NULL,
        last_login_at = coalesce(${session?.createdAt}::timestamptz, last_login_at)
      FROM closed
      WHERE users.id = closed.user_id
      RETURNING users.claims`
    return consumed ?? null
  }
})

/** Inserts a user's first challenge for its purpose. Voids its code when a limit refuses it. */
async function insertFirst(
  prisma: PrismaClient,
  rateLimits: ChallengeLimits,
  next: Challenge,
  user: UserSnapshot,
  limits: readonly LimitAction[],
  now: Date
): Promise<boolean> {
  const phoneKey = phoneKeyOf(rateLimits, next.newPhone ?? user.phone)
  let mayBeInserted = false
  try {
    // There is no row to lock yet, so the challenge is inserted before the limits are applied. The
    // insert does nothing when a concurrent request has inserted a challenge.
    const { row } = await rateLimits.applyWith<Stored>(limits, now, limitCtes => {
      mayBeInserted = true
      return Prisma.sql`
        WITH locked AS (
          INSERT INTO challenges (user_id, purpose, ${columns})
          SELECT users.id, ${next.purpose}, ${valuesOf(next, phoneKey)}
          FROM users
          WHERE ${matchesUser(next.userId, user)}
          FOR SHARE
          ON CONFLICT DO NOTHING
          RETURNING id
        ),
        ${limitCtes(holdsLock)}
        SELECT *, due AS stored
        FROM verdict`
    })
    return row.stored
  } catch (error) {
    // The code was inserted before a limit refused it. No statement has run if the refusal was
    // remembered.
    if (mayBeInserted && error instanceof Refusal)
      await voidUnsent(prisma, next, now).catch(failure => {
        error.cause = failure
      })
    throw error
  }
}

async function replaceStored(
  rateLimits: ChallengeLimits,
  previous: Challenge,
  next: Challenge,
  user: UserSnapshot,
  limits: readonly LimitAction[],
  now: Date
): Promise<boolean> {
  const phoneKey = phoneKeyOf(rateLimits, next.newPhone ?? user.phone)
  const { row } = await rateLimits.applyWith<Stored>(
    limits,
    now,
    limitCtes => Prisma.sql`
      WITH locked AS (
        SELECT user_id, purpose
        FROM users
        JOIN challenges ON user_id = users.id
        WHERE ${matchesUser(next.userId, user)}
          AND purpose = ${next.purpose}
          AND challenges.id = ${previous.id}
          AND code_hash = ${previous.codeHash}
          AND attempts_left = ${previous.attemptsLeft}
          AND consumed_at IS NOT DISTINCT FROM ${previous.consumedAt}::timestamptz
        FOR SHARE OF users
        FOR UPDATE OF challenges
      ),
      ${limitCtes(holdsLock)},
      stored AS (
        UPDATE challenges
        SET (${columns}, consumed_at) = ROW (${valuesOf(next, phoneKey)}, NULL)
        FROM locked, verdict
        WHERE verdict.allowed
          AND challenges.user_id = locked.user_id
          AND challenges.purpose = locked.purpose
        RETURNING challenges.id
      )
      ${selectStored}`
  )
  return row.stored
}

/**
 * Whether the user is still as it was read. FOR SHARE of the user waits for a concurrent change and
 * makes a later one wait, so that the later change also ends this challenge.
 */
const matchesUser = (userId: string, { phone, passwordDigest }: UserSnapshot) => Prisma.sql`
  users.id = ${userId}::uuid
    AND NOT disabled
    AND phone IS NOT DISTINCT FROM ${phone}
    AND password_digest = ${passwordDigest}`

const columns = Prisma.sql`
  id, code_hash, code_expires_at, resend_at, attempts_left, expires_at, new_phone,
  details, language, message_id, delivery, delivery_reason, provider_message_id, phone_key`

/** The values of `columns`. */
const valuesOf = (challenge: Challenge, phoneKey: string) => Prisma.sql`
  ${challenge.id},
  ${challenge.codeHash}::bytea,
  ${challenge.codeExpiresAt}::timestamptz,
  ${challenge.resendAt}::timestamptz,
  ${challenge.attemptsLeft}::smallint,
  ${challenge.expiresAt}::timestamptz,
  ${challenge.newPhone}::text,
  ${challenge.details}::jsonb,
  ${challenge.language}::text,
  ${challenge.messageId}::text,
  ${challenge.delivery}::text,
  ${challenge.deliveryReason}::text,
  ${challenge.providerMessageId}::text,
  ${phoneKey}::text`

/** The hash of a number in the keys of its rate limits. */
const phoneKeyOf = ({ hashesOf }: Pick<RateLimitStore, 'hashesOf'>, phone: string | null) =>
  hashesOf({ phone: phone ?? '' }).join()

/** Voids a code whose message was never handed over. */
async function voidUnsent(prisma: PrismaClient, { id, codeHash }: Challenge, now: Date) {
  await prisma.challenge.updateMany({
    where: { id, codeHash },
    data: { codeExpiresAt: now, resendAt: now, delivery: 'none' }
  })
}

type ChallengeLimits = Pick<RateLimitStore, 'applyWith' | 'hashesOf'>

/** A statement without an effect. */
const nothing = Prisma.sql`SELECT`

type Stored = { stored: boolean }

/**
 * Whether this statement has locked the challenge. Only then it consumes the rate limits of the
 * message, so that only one of many concurrent logins does. It stores the code only if they allow
 * the message. Otherwise the user's previous code stays valid.
 */
const holdsLock = Prisma.sql`EXISTS (SELECT FROM locked)`
const selectStored = Prisma.sql`
  SELECT verdict.*, EXISTS (SELECT FROM stored) AS stored
  FROM verdict`

type AttemptRow = Challenge & Omit<Attempt, 'challenge'>

// These columns are text; only values of their types are ever written to them.
const toChallenge = (row: Omit<ChallengeRow, 'phoneKey'> | null) => row as Challenge | null

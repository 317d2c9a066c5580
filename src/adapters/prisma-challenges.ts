import type { Charged } from '../domain/budgets.ts'
import type { Attempt, Challenge, Challenges } from '../domain/challenge.ts'
import type { PrismaBudgets } from './prisma-budgets.ts'
import { Prisma, type Challenge as ChallengeRow, type PrismaClient } from './prisma/client.ts'

/**
 * Challenges in PostgreSQL. Every write is one conditional statement that tells whether it took place, with the charges that
 * hang on it, so no transaction is held open and no two instances can both be told yes.
 */
export const prismaChallenges = (prisma: PrismaClient, budgets: Pick<PrismaBudgets, 'spendWith'>): Challenges => ({
  find: async id => toChallenge(await prisma.challenge.findUnique({ where: { id } })),

  async replace (previous, next, owner, charges, now) {
    // FOR SHARE waits for a change of the person that is under way, and has one that comes later wait, so that it ends this
    // challenge too.
    const person = Prisma.sql`users.id = ${next.userId}::uuid AND NOT disabled AND phone = ${owner.phone} AND password_digest = ${owner.passwordDigest}`
    const values = Prisma.sql`
      ${next.id}, ${next.codeHash}::bytea, ${next.codeExpiresAt}::timestamptz, ${next.resendAt}::timestamptz,
      ${next.attemptsLeft}::smallint, ${next.expiresAt}::timestamptz, ${next.subject}::jsonb`
    if (previous === null) {
      // There is no row to hold while its text is charged, so it comes first. An insert that yields to whoever was faster.
      return asStored(await budgets.spendWith<Stored>(charges, now, charging => Prisma.sql`
        WITH held AS (
          INSERT INTO challenges (user_id, purpose, id, code_hash, code_expires_at, resend_at, attempts_left, expires_at, subject)
          SELECT users.id, ${next.purpose}, ${values} FROM users WHERE ${person} FOR SHARE
          ON CONFLICT DO NOTHING
          RETURNING id
        ), ${charging(ifHeld)}
        SELECT *, due AS stored FROM bill`))
    }
    return asStored(await budgets.spendWith<Stored>(charges, now, charging => Prisma.sql`
      WITH held AS (
        SELECT user_id, purpose FROM users JOIN challenges ON user_id = users.id
        WHERE ${person} AND purpose = ${next.purpose} AND challenges.id = ${previous.id} AND code_hash = ${previous.codeHash}
          AND attempts_left = ${previous.attemptsLeft} AND consumed_at IS NOT DISTINCT FROM ${previous.consumedAt}::timestamptz
        FOR SHARE OF users FOR UPDATE OF challenges
      ), ${charging(ifHeld)}, stored AS (
        UPDATE challenges
        SET (id, code_hash, code_expires_at, resend_at, attempts_left, expires_at, subject, consumed_at) = ROW (${values}, NULL)
        FROM held, bill
        WHERE bill.paid AND challenges.user_id = held.user_id AND challenges.purpose = held.purpose
        RETURNING challenges.id
      )
      ${billAndStored}`))
  },

  async renewCode (previous, { codeHash, codeExpiresAt, resendAt }, charges, now) {
    return asStored(await budgets.spendWith<Stored>(charges, now, charging => Prisma.sql`
      WITH held AS (
        SELECT id FROM challenges
        WHERE id = ${previous.id} AND code_hash = ${previous.codeHash} AND attempts_left > 0 AND consumed_at IS NULL
          AND expires_at > ${now}::timestamptz AND resend_at <= ${now}::timestamptz
        FOR NO KEY UPDATE
      ), ${charging(ifHeld)}, stored AS (
        UPDATE challenges
        SET code_hash = ${codeHash}, code_expires_at = ${codeExpiresAt}::timestamptz, resend_at = ${resendAt}::timestamptz
        FROM held, bill
        WHERE bill.paid AND challenges.id = held.id
        RETURNING challenges.id
      )
      ${billAndStored}`))
  },

  async voidCode ({ id, codeHash }, now) {
    await prisma.challenge.updateMany({ where: { id, codeHash }, data: { codeExpiresAt: now, resendAt: now } })
  },

  async spendAttempt (id, locks, charges, now) {
    // The person first, before the counters too, so that no two statements wait for one another; locked, so that the next guess
    // sees what this one has counted.
    const { spending, result } = await budgets.spendWith<AttemptRow | { id: null }>(charges, now, charging => Prisma.sql`
      WITH given AS (
        SELECT ${id}::text AS id, ${locks}::int[] AS locks, ${now}::timestamptz AS now
      ), person AS (
        SELECT users.id FROM users, given
        WHERE users.id = (SELECT user_id FROM challenges WHERE id = given.id)
          AND (cardinality(locks) = 0 OR code_failures < cardinality(locks) AND (code_locked_until IS NULL OR code_locked_until <= now))
        FOR NO KEY UPDATE OF users
      ), ${charging(Prisma.sql`(SELECT count(*) >= 0 FROM person)`)}, attempt AS (
        UPDATE challenges SET attempts_left = attempts_left - 1
        FROM person, given, bill
        WHERE bill.paid AND challenges.id = given.id AND user_id = person.id AND attempts_left > 0 AND consumed_at IS NULL
          AND expires_at > now AND code_expires_at > now
        RETURNING challenges.*
      ), counted AS (
        UPDATE users SET
          code_failures = code_failures + 1,
          code_locked_until = now + make_interval(secs => nullif(locks[code_failures + 1], 0))
        FROM attempt, given
        WHERE users.id = attempt.user_id
        RETURNING users.code_failures, users.phone
      )
      SELECT bill.*, attempt.id, user_id AS "userId", purpose, code_hash AS "codeHash", code_expires_at AS "codeExpiresAt",
             resend_at AS "resendAt", attempts_left AS "attemptsLeft", expires_at AS "expiresAt", consumed_at AS "consumedAt",
             subject, counted.code_failures AS "codeFailures", counted.phone
      FROM bill LEFT JOIN (attempt CROSS JOIN counted) ON TRUE`)
    if (result === null || result.id === null) return { spending, result: null }
    const { codeFailures, phone, ...challenge } = result
    return { spending, result: { challenge, codeFailures, phone } }
  },

  async consume ({ id, userId, codeHash }, session, now) {
    const consumed = await prisma.$executeRaw`
      WITH person AS (
        SELECT id FROM users WHERE id = ${userId}::uuid AND NOT disabled FOR NO KEY UPDATE
      ), closed AS (
        UPDATE challenges SET consumed_at = ${now}::timestamptz
        FROM person
        WHERE challenges.id = ${id} AND user_id = person.id AND code_hash = ${codeHash} AND consumed_at IS NULL
        RETURNING user_id
      ), begun AS (
        INSERT INTO sessions (id, user_id, token_hash, client, created_at, last_used_at, idle_ends_at, ends_at)
        SELECT ${session?.id}::text, user_id, ${session?.tokenHash}::bytea, ${session?.client}, ${session?.createdAt}::timestamptz,
               ${session?.lastUsedAt}::timestamptz, ${session?.idleEndsAt}::timestamptz, ${session?.endsAt}::timestamptz
        FROM closed
        WHERE ${session !== null}
      )
      UPDATE users SET code_failures = 0, code_locked_until = NULL FROM closed WHERE users.id = closed.user_id`
    return consumed === 1
  }
})

type Stored = { stored: boolean }

/**
 * A text is charged when the challenge that it replaces is held, so that of many logins at once one is charged, and stored when
 * it is paid, so that the code on a phone stays good where it isn't.
 */
const ifHeld = Prisma.sql`EXISTS (SELECT FROM held)`
const billAndStored = Prisma.sql`SELECT bill.*, EXISTS (SELECT FROM stored) AS stored FROM bill`
const asStored = ({ spending, result }: Charged<Stored | null>): Charged<boolean> => ({ spending, result: result?.stored ?? false })

type AttemptRow = Challenge & Omit<Attempt, 'challenge'>

// The column is text, because purposes are the program's to name; all that is ever written there is a Purpose.
const toChallenge = (row: ChallengeRow | null) => row as Challenge | null

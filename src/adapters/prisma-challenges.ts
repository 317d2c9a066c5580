import type { Attempt, Challenge, Challenges } from '../domain/challenge.ts'
import { Prisma, type Challenge as ChallengeRow, type PrismaClient } from './prisma/client.ts'

/**
 * Challenges in PostgreSQL. Every write is one conditional UPDATE (or upsert) whose row count says whether it took place,
 * so no transaction is held open and no two instances can both be told yes.
 */
export const prismaChallenges = (prisma: PrismaClient): Challenges => ({
  find: async id => toChallenge(await prisma.challenge.findUnique({ where: { id } })),

  async replace (previous, next, owner) {
    // An upsert that yields to whoever was faster; Prisma's own has no condition. FOR SHARE waits for a change of the
    // person that is under way, and has one that comes later wait, so that it ends this challenge too.
    const stored = await prisma.$executeRaw`
      INSERT INTO challenges AS stored
        (user_id, purpose, id, code_hash, code_expires_at, resend_at, attempts_left, expires_at, subject)
      SELECT id, ${next.purpose}, ${next.id}, ${next.codeHash}::bytea, ${next.codeExpiresAt}::timestamptz,
             ${next.resendAt}::timestamptz, ${next.attemptsLeft}::smallint, ${next.expiresAt}::timestamptz,
             ${next.subject}::jsonb
      FROM users
      WHERE id = ${next.userId}::uuid AND NOT disabled AND phone = ${owner.phone} AND password_digest = ${owner.passwordDigest}
      FOR SHARE
      ON CONFLICT (user_id, purpose) DO UPDATE SET
        id = EXCLUDED.id, code_hash = EXCLUDED.code_hash, code_expires_at = EXCLUDED.code_expires_at,
        resend_at = EXCLUDED.resend_at, attempts_left = EXCLUDED.attempts_left, expires_at = EXCLUDED.expires_at,
        consumed_at = NULL, subject = EXCLUDED.subject
      WHERE stored.id = ${previous?.id} AND stored.code_hash = ${previous?.codeHash} AND stored.attempts_left = ${previous?.attemptsLeft}
        AND stored.consumed_at IS NOT DISTINCT FROM ${previous?.consumedAt}::timestamptz`
    return stored === 1
  },

  async renewCode (previous, { codeHash, codeExpiresAt, resendAt }, now) {
    const { count } = await prisma.challenge.updateMany({
      where: { ...open(previous.id, now), codeHash: previous.codeHash, resendAt: { lte: now } },
      data: { codeHash, codeExpiresAt, resendAt }
    })
    return count === 1
  },

  async voidCode ({ id, codeHash }, now) {
    await prisma.challenge.updateMany({ where: { id, codeHash }, data: { codeExpiresAt: now, resendAt: now } })
  },

  async putBack ({ id, codeHash, attemptsLeft }, { userId: _userId, purpose: _purpose, subject, ...previous }) {
    const { count } = await prisma.challenge.updateMany({ where: { id, codeHash, attemptsLeft, consumedAt: null }, data: { ...previous, subject: subject ?? Prisma.DbNull } })
    return count === 1
  },

  async spendAttempt (id, locks, now) {
    // The person first, as everywhere, so that no two statements wait for one another; locked, so that the next guess sees
    // what this one has counted.
    const [row] = await prisma.$queryRaw<AttemptRow[]>`
      WITH given AS (
        SELECT ${id}::text AS id, ${locks}::int[] AS locks, ${now}::timestamptz AS now
      ), person AS (
        SELECT users.id FROM users, given
        WHERE users.id = (SELECT user_id FROM challenges WHERE id = given.id)
          AND (cardinality(locks) = 0 OR code_failures < cardinality(locks) AND (code_locked_until IS NULL OR code_locked_until <= now))
        FOR NO KEY UPDATE OF users
      ), spent AS (
        UPDATE challenges SET attempts_left = attempts_left - 1
        FROM person, given
        WHERE challenges.id = given.id AND user_id = person.id AND attempts_left > 0 AND consumed_at IS NULL
          AND expires_at > now AND code_expires_at > now
        RETURNING challenges.*
      ), charged AS (
        UPDATE users SET
          code_failures = code_failures + 1,
          code_locked_until = now + make_interval(secs => nullif(locks[code_failures + 1], 0))
        FROM spent, given
        WHERE users.id = spent.user_id
        RETURNING users.code_failures, users.phone
      )
      SELECT spent.id, user_id AS "userId", purpose, code_hash AS "codeHash", code_expires_at AS "codeExpiresAt",
             resend_at AS "resendAt", attempts_left AS "attemptsLeft", expires_at AS "expiresAt", consumed_at AS "consumedAt",
             subject, charged.code_failures AS "codeFailures", charged.phone
      FROM spent, charged`
    if (row === undefined) return null
    const { codeFailures, phone, ...challenge } = row
    return { challenge, codeFailures, phone }
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

const open = (id: string, now: Date) => ({ id, attemptsLeft: { gt: 0 }, consumedAt: null, expiresAt: { gt: now } })

type AttemptRow = Challenge & Omit<Attempt, 'challenge'>

// The column is text, because purposes are the program's to name; all that is ever written there is a Purpose.
const toChallenge = (row: ChallengeRow | null) => row as Challenge | null

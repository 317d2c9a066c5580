import type { Challenge, Challenges } from '../domain/challenge.ts'
import type { Challenge as ChallengeRow, PrismaClient } from './prisma/client.ts'

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
        (user_id, purpose, id, code_hash, code_expires_at, resend_at, attempts_left, expires_at)
      SELECT id, ${next.purpose}, ${next.id}, ${next.codeHash}::bytea, ${next.codeExpiresAt}::timestamptz,
             ${next.resendAt}::timestamptz, ${next.attemptsLeft}::smallint, ${next.expiresAt}::timestamptz
      FROM users
      WHERE id = ${next.userId}::uuid AND NOT disabled AND phone = ${owner.phone} AND password_digest = ${owner.passwordDigest}
      FOR SHARE
      ON CONFLICT (user_id, purpose) DO UPDATE SET
        id = EXCLUDED.id, code_hash = EXCLUDED.code_hash, code_expires_at = EXCLUDED.code_expires_at,
        resend_at = EXCLUDED.resend_at, attempts_left = EXCLUDED.attempts_left, expires_at = EXCLUDED.expires_at,
        consumed_at = NULL
      WHERE stored.id = ${previous?.id} AND stored.code_hash = ${previous?.codeHash}`
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

  async spendAttempt (id, now) {
    const [challenge] = await prisma.challenge.updateManyAndReturn({
      where: { ...open(id, now), codeExpiresAt: { gt: now } },
      data: { attemptsLeft: { decrement: 1 } }
    })
    return toChallenge(challenge ?? null)
  },

  async consume ({ id, codeHash }, now) {
    const { count } = await prisma.challenge.updateMany({
      where: { id, codeHash, consumedAt: null, user: { disabled: false } },
      data: { consumedAt: now }
    })
    return count === 1
  }
})

const open = (id: string, now: Date) => ({ id, attemptsLeft: { gt: 0 }, consumedAt: null, expiresAt: { gt: now } })

// The column is text, because purposes are the program's to name; all that is ever written there is a Purpose.
const toChallenge = (row: ChallengeRow | null) => row as Challenge | null

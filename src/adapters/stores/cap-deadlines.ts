import { lockoutSchedule, maxLockout } from '../../domain/codes/lockout.ts'
import { clockSkew, idleTime, type DeadlinePolicy } from '../../domain/deadlines.ts'
import { Prisma, type PrismaClient } from '../prisma/client.ts'
import { lockoutColumns } from './columns.ts'

/** The longest window of a rate limit, in seconds. */
const longestWindow = 86_400

/**
 * Shortens the stored deadlines of one user that were set too late by a clock that was ahead. See
 * `domain/deadlines.ts` for the rule.
 */
export async function capUser(
  prisma: PrismaClient,
  policy: DeadlinePolicy,
  userId: string,
  now: Date
): Promise<void> {
  const ofUser = Prisma.sql`user_id = ${userId}::uuid`
  await capStored(prisma, policy, now, Prisma.sql`id = ${userId}::uuid`, ofUser)
}

/** Shortens the deadlines of all users, their challenges and sessions, and the rate limits. */
export async function capDeadlines(
  prisma: PrismaClient,
  policy: DeadlinePolicy,
  now: Date
): Promise<void> {
  const all = Prisma.sql`TRUE`
  const latestReset = end(now, longestWindow)
  await capStored(prisma, policy, now, all, all)
  await prisma.$executeRaw`
    WITH late_limits AS (
      SELECT key
      FROM rate_limits
      WHERE resets_at > ${latestReset}
      ORDER BY key
      FOR UPDATE
    )
    UPDATE rate_limits
    SET resets_at = ${latestReset}
    WHERE key IN (SELECT key FROM late_limits)`
}

/**
 * Returns a function that caps all deadlines at its first call and after the clock is set back.
 * Call it every few seconds.
 */
export function deadlineGuard(
  prisma: PrismaClient,
  policy: DeadlinePolicy
): (now: Date) => Promise<void> {
  let latest: Date | undefined
  return async now => {
    if (latest === undefined || now < latest) await capDeadlines(prisma, policy, now)
    latest = now
  }
}

/**
 * Each statement is a transaction of its own that locks rows of one table, in the order of their
 * keys. A request that ends a user's challenges and sessions locks them in the same order, and so
 * does another instance that caps deadlines at the same time. Otherwise two of them could each hold
 * a row that the other one waits for.
 */
async function capStored(
  prisma: PrismaClient,
  policy: DeadlinePolicy,
  now: Date,
  users: Prisma.Sql,
  ofUsers: Prisma.Sql
): Promise<void> {
  await prisma.$executeRaw`${capStoredLockouts(policy, now, users)}`
  await prisma.$executeRaw`${capStoredChallenges(policy, now, ofUsers)}`
  await prisma.$executeRaw`${capStoredSessions(policy, now, ofUsers)}`
}

const capStoredLockouts = ({ limits }: DeadlinePolicy, now: Date, condition: Prisma.Sql) => {
  // A lockout never ends later than one that starts now.
  const schedule = Prisma.sql`${lockoutSchedule(limits.codeFailures)}::int[]`
  const lockouts = Object.values(lockoutColumns).map(({ failures, lockedUntil }) => ({
    lockedUntil,
    latest: Prisma.sql`${now}::timestamptz
      + make_interval(secs => coalesce(nullif((${schedule})[${failures}], 0), ${maxLockout}))`
  }))
  // least() would lock users who are not locked, because it ignores NULL.
  const capped = lockouts.map(
    ({ lockedUntil, latest }) => Prisma.sql`
      ${lockedUntil} = CASE WHEN ${lockedUntil} > ${latest} THEN ${latest} ELSE ${lockedUntil} END`
  )
  const isTooLate = lockouts.map(
    ({ lockedUntil, latest }) => Prisma.sql`${lockedUntil} > ${latest}`
  )
  return Prisma.sql`
    UPDATE users
    SET ${Prisma.join(capped)}
    WHERE id IN (
      SELECT id
      FROM users
      WHERE ${condition}
        AND (${Prisma.join(isTooLate, ' OR ')})
      ORDER BY id
      FOR NO KEY UPDATE
    )`
}

const capStoredChallenges = (
  { codeTtl, challengeTtl, resendCooldown }: DeadlinePolicy,
  now: Date,
  condition: Prisma.Sql
) => {
  const capped = (column: Prisma.Sql, seconds: number) => Prisma.sql`
    CASE
      WHEN ${column} > ${end(now, seconds + clockSkew)} THEN ${now}::timestamptz
      ELSE least(${column}, ${end(now, seconds)})
    END`
  return Prisma.sql`
    UPDATE challenges
    SET
      expires_at = ${capped(Prisma.sql`expires_at`, challengeTtl)},
      code_expires_at = ${capped(Prisma.sql`code_expires_at`, codeTtl)},
      resend_at = ${capped(Prisma.sql`resend_at`, resendCooldown)}
    WHERE (user_id, purpose) IN (
      SELECT user_id, purpose
      FROM challenges
      WHERE ${condition}
        AND (
          expires_at > ${end(now, challengeTtl)}
          OR code_expires_at > ${end(now, codeTtl)}
          OR resend_at > ${end(now, resendCooldown)}
        )
      ORDER BY user_id, purpose
      FOR NO KEY UPDATE
    )`
}

const capStoredSessions = (policy: DeadlinePolicy, now: Date, condition: Prisma.Sql) => {
  const latestEnd = end(now, policy.sessionTtl)
  const latestIdleEnd = end(now, idleTime(policy))
  return Prisma.sql`
    UPDATE sessions
    SET
      expires_at = least(expires_at, ${latestEnd}),
      idle_expires_at = least(idle_expires_at, ${latestIdleEnd}),
      last_used_at = least(last_used_at, ${now}::timestamptz)
    WHERE id IN (
      SELECT id
      FROM sessions
      WHERE ${condition}
        AND (expires_at > ${latestEnd} OR idle_expires_at > ${latestIdleEnd})
      ORDER BY id
      FOR UPDATE
    )`
}

const end = (now: Date, seconds: number) =>
  Prisma.sql`${now}::timestamptz + make_interval(secs => ${seconds}::int)`

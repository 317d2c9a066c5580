import type { AccountUsers } from '../../domain/account/account-users.ts'
import { digestKind } from '../../domain/login/password-digest.ts'
import type { SessionRef } from '../../domain/sessions/session.ts'
import type { User } from '../../domain/users/user.ts'
import { Prisma, type PrismaClient } from '../prisma/client.ts'
import { canonicalPhone } from '../sms/libphonenumber-phones.ts'
import { changeAccount } from './change-account.ts'
import { userColumns } from './columns.ts'
import type { RateLimitStore } from './rate-limits.ts'

/** Stores users' changes to their own accounts in PostgreSQL. */
export const createAccountStore = (
  prisma: PrismaClient,
  rateLimits: Pick<RateLimitStore, 'applyWith'>
): AccountUsers => ({
  async findForAccount(session, limits, now) {
    const { row } = await rateLimits.applyWith<UserRow>(
      limits,
      now,
      limitCtes => Prisma.sql`
        WITH ${limitCtes()}
        SELECT verdict.*, found.*
        FROM verdict
        LEFT JOIN (
          SELECT ${userColumns}
          FROM users u
          JOIN sessions s ON s.user_id = u.id
          WHERE ${isLive(session, now)}
        ) AS found ON verdict.allowed`
    )
    return toUser(row)
  },
  async setLocale(session, locale, limits, now) {
    // The user is locked before the rate limits (see "Lock order" in docs/architecture.md), which
    // apply even if there is no such session.
    const { row } = await rateLimits.applyWith<UserRow>(
      limits,
      now,
      limitCtes => Prisma.sql`
        WITH locked_user AS (
          SELECT u.id
          FROM users u
          JOIN sessions s ON s.user_id = u.id
          WHERE ${isLive(session, now)}
          FOR NO KEY UPDATE OF u
        ),
        ${limitCtes(Prisma.sql`(SELECT count(*) >= 0 FROM locked_user)`)},
        changed AS (
          UPDATE users u
          SET locale = ${locale}
          FROM locked_user, verdict
          WHERE verdict.allowed
            AND u.id = locked_user.id
          RETURNING ${userColumns}
        )
        SELECT verdict.*, changed.*
        FROM verdict
        LEFT JOIN changed ON TRUE`
    )
    return toUser(row)
  },
  changePassword: (session, current, next, now) =>
    changeAccount(
      prisma,
      session,
      {
        set: Prisma.sql`password_digest = ${next}, password_kind = ${digestKind(next)}`,
        ifUser: Prisma.sql`password_digest = ${current}`
      },
      now
    ),
  async deleteAccount({ id, userId }, current, now) {
    // The challenges and sessions are locked in the order of their keys, as everywhere, because the
    // cascade would lock them in no particular order. A session that ended while this statement
    // waited for the user is not among them. The cascade also deletes sessions and challenges that
    // this statement doesn't see.
    const deleted = await prisma.$executeRaw`
      WITH locked_user AS (
        SELECT id
        FROM users
        WHERE id = ${userId}::uuid
          AND NOT disabled
          AND password_digest = ${current}
        FOR UPDATE
      ),
      locked_challenges AS (
        SELECT purpose
        FROM challenges
        JOIN locked_user ON user_id = locked_user.id
        ORDER BY purpose
        FOR UPDATE OF challenges
      ),
      locked_sessions AS (
        SELECT sessions.id, idle_expires_at
        FROM sessions
        JOIN locked_user ON user_id = locked_user.id
        ORDER BY sessions.id
        FOR UPDATE OF sessions
      )
      DELETE FROM users
      USING locked_user
      WHERE users.id = locked_user.id
        AND (SELECT count(*) >= 0 FROM locked_challenges)
        AND (
          SELECT bool_or(id = ${id} AND idle_expires_at > ${now}::timestamptz)
          FROM locked_sessions
        )`
    return deleted === 1
  }
})

type UserRow = User | { id: null }

const toUser = (row: UserRow): User | null =>
  row.id === null ? null : { ...row, phone: canonicalPhone(row.phone) }

/** Whether `s` is this session and live, and `u` is its user and not disabled. */
const isLive = ({ id, userId }: SessionRef, now: Date) => Prisma.sql`
  s.id = ${id}
    AND u.id = ${userId}::uuid
    AND NOT u.disabled
    AND s.idle_expires_at > ${now}::timestamptz`

import type { LimitAction } from '../rate-limits/rate-limit.ts'
import type { SessionRef } from '../sessions/session.ts'
import type { User } from '../users/user.ts'

/**
 * The users in the database, as they manage their own accounts. A session that has ended, or whose
 * user is disabled, finds and changes nothing. Methods that take `limits` apply them in the same
 * statement and throw `rateLimited`.
 */
export type AccountUsers = {
  /** The user of a session. Null when the session has ended. */
  findForAccount: (
    session: SessionRef,
    limits: readonly LimitAction[],
    now: Date
  ) => Promise<User | null>
  /** Resolves to the changed user, or to null when the session has ended. */
  setLocale: (
    session: SessionRef,
    locale: string | null,
    limits: readonly LimitAction[],
    now: Date
  ) => Promise<User | null>
  /**
   * Stores the digest `next`, and ends the user's pending challenges and all sessions except this
   * one. Resolves to the sessions that it ended, or to null, with nothing changed, when the digest
   * is no longer `current` or the session has ended.
   */
  changePassword: (
    session: SessionRef,
    current: string,
    next: string,
    now: Date
  ) => Promise<SessionRef[] | null>
  /**
   * Deletes the user with all challenges and sessions. False, with nothing changed, when the digest
   * is no longer `current` or the session has ended.
   */
  deleteAccount: (session: SessionRef, current: string, now: Date) => Promise<boolean>
}

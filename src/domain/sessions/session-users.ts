import type { Challenge } from '../codes/challenge.ts'
import type { Purpose } from '../codes/purpose.ts'
import type { LimitAction } from '../rate-limits/rate-limit.ts'
import type { User } from '../users/user.ts'
import type { SessionRef } from './session.ts'

/** The users in the database, as a session finds them that is about to send a code. */
export type SessionUsers = {
  /**
   * The user of a session, the session's language, and the user's challenge for this purpose, if
   * any. Null when the session has ended or the user is disabled. Applies `limits` in the same
   * statement and throws `rateLimited`.
   */
  findForSession: (
    session: SessionRef,
    purpose: Purpose,
    limits: readonly LimitAction[],
    now: Date
  ) => Promise<{ user: User; challenge: Challenge | null; language: string | null } | null>
}

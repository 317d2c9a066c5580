import type { Challenge } from '../codes/challenge.ts'
import type { LimitAction, LimitCounts } from '../rate-limits/rate-limit.ts'
import type { User } from '../users/user.ts'

/** The users in the database, as a login needs them. */
export type LoginUsers = {
  /**
   * The user with this key (see `usernameKey`) and their pending login, if any. Applies `limits` in
   * the same statement, even for unknown usernames, and resolves to their counts. Throws
   * `rateLimited`.
   */
  findForLogin: (
    usernameKey: string,
    limits: readonly LimitAction[],
    now: Date
  ) => Promise<{ found: { user: User; challenge: Challenge | null } | null; counts: LimitCounts }>
  /**
   * Stores `next` unless the digest is no longer `current`, because a re-hash of the old password
   * must not replace a new one.
   */
  replaceDigest: (id: string, current: string, next: string) => Promise<void>
}

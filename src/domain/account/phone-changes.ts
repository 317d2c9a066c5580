import type { Challenge } from '../codes/challenge.ts'
import type { SessionRef } from '../sessions/session.ts'
import type { User } from '../users/user.ts'

/** A completed change, with the sessions that it ended as far as they are known. */
type PhoneChange = { newPhone: string; ended: SessionRef[] }

/** Changes of phone numbers in the database. */
export type PhoneChanges = {
  /**
   * Stores the new number of `challenge` if the challenge is not closed and still has the same
   * code, the session has not ended, and its user is not disabled and still has the same number.
   * Also ends all pending challenges of the user and all sessions except this one, and resets the
   * lockout of phone changes. Resolves to the change for exactly one call, and to null, with
   * nothing changed, for all others. If the database does not confirm the change, it looks whether
   * the change was stored, because the old number must get its notice.
   */
  complete: (
    challenge: Challenge,
    user: Pick<User, 'phone'>,
    session: SessionRef,
    now: Date
  ) => Promise<PhoneChange | null>
}

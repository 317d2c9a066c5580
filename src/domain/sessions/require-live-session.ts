import type { Clock } from '../clock.ts'
import { Refusal } from '../refusal.ts'
import type { SessionRef, Sessions } from './session.ts'
import type { User } from '../users/user.ts'

export type RequireLiveSessionPorts = { sessions: Sessions; clock: Clock }

/**
 * Resolves to the user of the session that an access token names. Throws `invalid-token` when the
 * session has ended, although the token has not expired, or when the user is disabled.
 */
export async function requireLiveSession(
  { sessions, clock }: RequireLiveSessionPorts,
  session: SessionRef
): Promise<User> {
  const owner = await sessions.findUser(session, clock())
  if (owner === null) throw new Refusal('invalid-token', { reason: 'session-ended' })
  return owner
}

import type { Clock } from './clock.ts'
import { Refusal } from './refusal.ts'
import type { SessionRef } from './session.ts'
import type { User, Users } from './user.ts'

export type RequireLiveSessionPorts = { users: Users, clock: Clock }

/**
 * Resolves to the person whose session an access token names. Throws `invalid-token` when that session is over, though the
 * token isn't, or the person is disabled.
 */
export async function requireLiveSession ({ users, clock }: RequireLiveSessionPorts, session: SessionRef): Promise<User> {
  const owner = await users.findBySession(session, clock())
  if (owner === null) throw new Refusal('invalid-token')
  return owner
}

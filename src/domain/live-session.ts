import type { Clock } from './clock.ts'
import { Refusal } from './refusal.ts'
import type { OwnSession } from './session.ts'
import type { User, Users } from './user.ts'

export type LiveSessionPorts = { users: Users, clock: Clock }

/**
 * The person whose session an access token names. Throws `invalid-token` when the token has outlived its session, or the
 * person is disabled.
 */
export async function ownerOf ({ users, clock }: LiveSessionPorts, session: OwnSession): Promise<User> {
  const owner = await users.findBySession(session, clock())
  if (owner === null) throw new Refusal('invalid-token')
  return owner
}

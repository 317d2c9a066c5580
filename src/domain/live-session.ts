import type { Clock } from './clock.ts'
import { Refusal } from './refusal.ts'
import type { OwnSession, Sessions } from './session.ts'
import type { User } from './user.ts'

export type LiveSessionPorts = { sessions: Sessions, clock: Clock }

/**
 * The person whose session an access token names. Throws `invalid-token` when the token has outlived its session, or the
 * person is disabled.
 */
export async function ownerOf ({ sessions, clock }: LiveSessionPorts, session: OwnSession): Promise<User> {
  const owner = await sessions.findOwner(session, clock())
  if (owner === null) throw new Refusal('invalid-token')
  return owner
}

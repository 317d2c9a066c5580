import type { Clock } from './clock.ts'
import type { Subject } from './confirmation.ts'
import { requireLiveSession } from './require-live-session.ts'
import { Refusal } from './refusal.ts'
import type { SessionRef } from './session.ts'
import type { Users } from './user.ts'

export type OwnConfirmationPorts = { users: Users, clock: Clock }

/**
 * What a confirmation is of, for the session that has asked for it.
 * Throws `invalid-token` when that session is over, `challenge-ended` when the confirmation is, `not-found` when it is another's.
 */
export async function ownConfirmation (ports: OwnConfirmationPorts, asker: SessionRef, challengeId: string): Promise<Subject> {
  await requireLiveSession(ports, asker)
  const { result: found } = await ports.users.findByChallenge(challengeId, [], ports.clock())
  if (found === null || found.challenge.subject === null) throw new Refusal('challenge-ended')
  const { user, challenge: { subject } } = found
  if (user.id !== asker.userId || subject.sessionId !== asker.id) throw new Refusal('not-found')
  return subject
}

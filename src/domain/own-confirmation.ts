import type { Subject } from './confirmation.ts'
import { requireLiveSession, type RequireLiveSessionPorts } from './require-live-session.ts'
import { Refusal } from './refusal.ts'
import type { SessionRef } from './session.ts'

/**
 * What a confirmation is of, for the session that has asked for it.
 * Throws `invalid-token` when that session is over, `challenge-ended` when the confirmation is, `not-found` when it is another's.
 */
export async function ownConfirmation (ports: RequireLiveSessionPorts, asker: SessionRef, challengeId: string): Promise<Subject> {
  await requireLiveSession(ports, asker)
  const { result: found } = await ports.users.findByChallenge(challengeId, [], ports.clock())
  if (found === null || found.challenge.subject === null) throw new Refusal('challenge-ended')
  const { user, challenge: { subject } } = found
  if (user.id !== asker.userId || subject.sessionId !== asker.id) throw new Refusal('not-found')
  return subject
}

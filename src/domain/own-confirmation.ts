import type { Caller } from './caller.ts'
import type { Subject } from './confirmation.ts'
import { requireLiveSession, type RequireLiveSessionPorts } from './require-live-session.ts'
import { Refusal } from './refusal.ts'
import type { SessionRef } from './session.ts'
import { settle, type SettlePorts } from './spend.ts'

/**
 * What a confirmation is of, for the session that has asked for it.
 * Throws `too-many-attempts`, `invalid-token` when that session is over, `challenge-ended` when the confirmation is, and
 * `not-found` when it is another's.
 */
export async function ownConfirmation (ports: RequireLiveSessionPorts & SettlePorts, caller: Caller, asker: SessionRef, challengeId: string): Promise<Subject> {
  const { spending, result: found } = await ports.users.findByChallenge(challengeId, caller.toll, ports.clock())
  settle(ports, caller, spending)
  await requireLiveSession(ports, asker)
  if (found === null || found.challenge.subject === null) throw new Refusal('challenge-ended')
  const { user, challenge: { subject } } = found
  if (user.id !== asker.userId || subject.sessionId !== asker.id) throw new Refusal('not-found')
  return subject
}

import type { Caller } from './caller.ts'
import { checkCode, type CheckCodePorts } from './check-code.ts'
import type { Subject } from './confirmation.ts'
import { ownConfirmation } from './own-confirmation.ts'
import type { SessionRef } from './session.ts'

/**
 * Trades a right code for what it confirms: once, whatever is asked at the same time.
 * Throws what `ownConfirmation` and `checkCode` throw.
 */
export async function verifyConfirmation (ports: CheckCodePorts, caller: Caller, asker: SessionRef, answer: { challengeId: string, code: string }): Promise<Subject> {
  // Before an attempt is spent: nobody spends another's.
  const subject = await ownConfirmation(ports, caller, asker, answer.challengeId)
  const { challenge: { userId } } = await checkCode(ports, caller, answer, () => null)
  ports.events.record({ name: 'action.confirmed', caller, userId, sessionId: asker.id, action: subject.action })
  return subject
}

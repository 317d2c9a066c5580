import type { Caller } from './caller.ts'
import type { PendingConfirmation } from './confirm-action.ts'
import { ownConfirmation } from './own-confirmation.ts'
import { resendCode, type ResendCodePorts } from './resend-code.ts'
import type { SessionRef } from './session.ts'

/** Texts a running confirmation once more, with a new code. Throws what `ownConfirmation` and `resendCode` throw. */
export async function resendConfirmation (ports: ResendCodePorts, caller: Caller, asker: SessionRef, challengeId: string): Promise<PendingConfirmation> {
  const { text } = await ownConfirmation(ports, caller, asker, challengeId)
  return { ...await resendCode(ports, caller, challengeId), text, replaced: false }
}

import type { RequestContext } from '../request-context.ts'
import type { ConfirmationStatus } from './confirm-action.ts'
import { ownConfirmationRefusals, requireOwnConfirmation } from './require-own-confirmation.ts'
import { resendCode, resendCodeRefusals, type ResendCodePorts } from '../codes/resend-code.ts'
import type { RefusalSlug } from '../refusal.ts'
import type { RequireLiveSessionPorts } from '../sessions/require-live-session.ts'
import type { SessionRef } from '../sessions/session.ts'

export const resendConfirmationRefusals = [
  ...ownConfirmationRefusals,
  ...resendCodeRefusals
] as const satisfies readonly RefusalSlug[]

/** Sends a pending confirmation again with a new code. Throws `resendConfirmationRefusals`. */
export async function resendConfirmation(
  ports: ResendCodePorts & RequireLiveSessionPorts,
  context: RequestContext,
  requester: SessionRef,
  challengeId: string
): Promise<ConfirmationStatus> {
  const { text } = await requireOwnConfirmation(ports, context, requester, challengeId)
  return { ...(await resendCode(ports, context, challengeId)), text, replaced: false }
}

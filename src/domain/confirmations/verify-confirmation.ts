import type { RequestContext } from '../request-context.ts'
import {
  checkCode,
  checkCodeRefusals,
  type CheckCodePorts,
  type CodeSubmission
} from '../codes/verify-code.ts'
import type { TransactionDetails } from '../codes/transaction-details.ts'
import type { RefusalSlug } from '../refusal.ts'
import { ownConfirmationRefusals, requireOwnConfirmation } from './require-own-confirmation.ts'
import type { RequireLiveSessionPorts } from '../sessions/require-live-session.ts'
import type { SessionRef } from '../sessions/session.ts'

export const verifyConfirmationRefusals = [
  ...ownConfirmationRefusals,
  ...checkCodeRefusals
] as const satisfies readonly RefusalSlug[]

/**
 * Checks the code of a confirmation and resolves to what it confirms. Only one of several
 * concurrent calls succeeds. Throws `verifyConfirmationRefusals`.
 */
export async function verifyConfirmation(
  ports: CheckCodePorts & RequireLiveSessionPorts,
  context: RequestContext,
  requester: SessionRef,
  submission: CodeSubmission
): Promise<TransactionDetails> {
  // Checked before an attempt is used, so that other users can't use them up.
  const details = await requireOwnConfirmation(ports, context, requester, submission.challengeId)
  const { challenge } = await checkCode(
    ports,
    context,
    submission,
    'confirmation',
    (checked, now) => ports.challenges.consume(checked, null, now)
  )
  ports.events.record({
    name: 'confirmation.accepted',
    context,
    userId: challenge.userId,
    sessionId: requester.id,
    action: details.action
  })
  return details
}

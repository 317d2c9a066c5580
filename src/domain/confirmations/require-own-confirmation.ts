import type { RequestContext } from '../request-context.ts'
import type { Challenges } from '../codes/challenge.ts'
import type { TransactionDetails } from '../codes/transaction-details.ts'
import {
  requireLiveSession,
  type RequireLiveSessionPorts
} from '../sessions/require-live-session.ts'
import { Refusal, type RefusalSlug } from '../refusal.ts'
import type { SessionRef } from '../sessions/session.ts'

export const ownConfirmationRefusals = [
  'invalid-token', // The requester's session has ended.
  'challenge-ended',
  'not-found', // Another session requested the confirmation.
  'too-many-attempts'
] as const satisfies readonly RefusalSlug[]

/**
 * The details of a confirmation, for the session that requested it. Throws
 * `ownConfirmationRefusals`.
 */
export async function requireOwnConfirmation(
  ports: RequireLiveSessionPorts & { challenges: Challenges },
  context: RequestContext,
  requester: SessionRef,
  challengeId: string
): Promise<TransactionDetails> {
  const limits = context.requestLimit.take()
  const found = await ports.challenges.findWithUser(challengeId, limits, ports.clock())
  await requireLiveSession(ports, requester)
  const details = found?.challenge.details ?? null
  if (found === null || details === null)
    throw new Refusal('challenge-ended', { reason: 'replaced' })
  const { user } = found
  if (user.id !== requester.userId || details.sessionId !== requester.id)
    throw new Refusal('not-found')
  return details
}

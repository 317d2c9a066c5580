import {
  limitSessionRequests,
  type LimitSessionRequestsPorts
} from '../rate-limits/limit-session-requests.ts'
import type { RefusalSlug } from '../refusal.ts'
import type { RequestContext } from '../request-context.ts'
import { challengeEnded, isOpen, type Challenges } from './challenge.ts'
import { toCodeStatus, type CodeStatus } from './code-status.ts'
import type { Delivery, DeliveryReason } from './delivery.ts'

export type ReadChallengePorts = LimitSessionRequestsPorts & { challenges: Challenges }

/** A pending code with what is known about the delivery of its message. */
export type ChallengeStatus = CodeStatus & {
  delivery: Delivery
  /** Only if the message failed. */
  deliveryReason?: DeliveryReason
}

export const readChallengeRefusals = [
  'challenge-ended',
  'too-many-attempts',
  'busy'
] as const satisfies readonly RefusalSlug[]

/**
 * The state of an open challenge. Reading it sends no message, uses no attempt and changes nothing.
 * Throws `readChallengeRefusals`.
 */
export async function readChallenge(
  ports: ReadChallengePorts,
  context: RequestContext,
  challengeId: string
): Promise<ChallengeStatus> {
  const { challenges, clock } = ports
  const found = await limitSessionRequests(ports, context, { id: challengeId }, () =>
    challenges.findWithUser(challengeId, [], clock())
  )
  const now = clock()
  context.userId = found?.user.id ?? context.userId
  if (found === null) throw challengeEnded(null, now)
  const { user, challenge } = found
  const to = challenge.newPhone ?? user.phone
  if (!isOpen(challenge, now) || user.disabled || to === null) throw challengeEnded(challenge, now)
  const { delivery, deliveryReason } = challenge
  return {
    ...toCodeStatus(challenge, to, false, now),
    delivery,
    ...(deliveryReason !== null && { deliveryReason })
  }
}

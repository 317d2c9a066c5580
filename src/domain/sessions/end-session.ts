import type { RequestContext } from '../request-context.ts'
import type { Events } from '../events.ts'
import {
  limitSessionRequests,
  type LimitSessionRequestsPorts
} from '../rate-limits/limit-session-requests.ts'
import { requireLiveSession, type RequireLiveSessionPorts } from './require-live-session.ts'
import { Refusal, type RefusalSlug } from '../refusal.ts'
import { sessionIdPattern, type SessionRef, type Sessions } from './session.ts'

export type EndSessionPorts = RequireLiveSessionPorts &
  LimitSessionRequestsPorts & { sessions: Sessions; events: Events }

export const endOtherSessionsRefusals = [
  'invalid-token', // The requester's own session has ended.
  'too-many-attempts',
  'busy'
] as const satisfies readonly RefusalSlug[]

export const endSessionRefusals = [
  'not-found', // The user has no such session.
  ...endOtherSessionsRefusals
] as const satisfies readonly RefusalSlug[]

/**
 * Ends one session of the requester's user, which may be the requester's own. Throws
 * `endSessionRefusals`.
 */
export async function endSession(
  ports: EndSessionPorts,
  context: RequestContext,
  requester: SessionRef,
  id: string
): Promise<void> {
  const ended = await limitSessionRequests(ports, context, requester, async () => {
    await requireLiveSession(ports, requester)
    return sessionIdPattern.test(id)
      ? ports.sessions.endOwn({ id, userId: requester.userId }, ports.clock())
      : null
  })
  if (ended === null) throw new Refusal('not-found')
  ports.events.record({ name: 'session.ended', context, userId: ended.userId, sessionId: ended.id })
}

/**
 * Ends all sessions of the requester's user except the requester's own. Throws
 * `endOtherSessionsRefusals`.
 */
export async function endOtherSessions(
  ports: EndSessionPorts,
  context: RequestContext,
  requester: SessionRef
): Promise<void> {
  const ended = await limitSessionRequests(ports, context, requester, async () => {
    await requireLiveSession(ports, requester)
    return ports.sessions.endOthers(requester)
  })
  for (const { id, userId } of ended) {
    ports.events.record({ name: 'session.ended', context, userId, sessionId: id })
  }
}

import type { RequestContext } from '../request-context.ts'
import {
  limitSessionRequests,
  type LimitSessionRequestsPorts
} from '../rate-limits/limit-session-requests.ts'
import { requireLiveSession, type RequireLiveSessionPorts } from './require-live-session.ts'
import type { RefusalSlug } from '../refusal.ts'
import type { SessionRef, Session, Sessions } from './session.ts'

export type ListSessionsPorts = RequireLiveSessionPorts &
  LimitSessionRequestsPorts & { sessions: Sessions }

export const listSessionsRefusals = [
  'invalid-token', // The requester's own session has ended.
  'too-many-attempts',
  'busy'
] as const satisfies readonly RefusalSlug[]

/**
 * The live sessions of the requester's user. The requester's own comes first, then the most
 * recently used. `since` is when the requester's access token was issued. Throws
 * `listSessionsRefusals`.
 */
export async function listSessions(
  ports: ListSessionsPorts,
  context: RequestContext,
  requester: SessionRef,
  since: Date
): Promise<Session[]> {
  const sessions = await limitSessionRequests(ports, context, requester, async () => {
    await requireLiveSession(ports, requester)
    return ports.sessions.list(requester.userId, ports.clock())
  })
  const own = sessions.filter(({ id }) => id === requester.id)
  // For the requester's own session, `lastUsedAt` is when its access token was issued. The stored
  // time would show an attacker with copies of both tokens when the user has just refreshed. The
  // attacker could then refresh within the grace period and stay unnoticed until the session ends.
  return [
    ...own.map(session => ({
      ...session,
      lastUsedAt: since > session.createdAt ? since : session.createdAt
    })),
    ...sessions.filter(({ id }) => id !== requester.id)
  ]
}

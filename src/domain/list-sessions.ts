import { requireLiveSession, type RequireLiveSessionPorts } from './require-live-session.ts'
import type { SessionRef, Session, Sessions } from './session.ts'

export type ListSessionsPorts = RequireLiveSessionPorts & { sessions: Sessions }

/**
 * The live sessions of the person who asks: the asker's own first, then the latest used first. `since`: when the asker was
 * given the token to ask with. Throws `invalid-token` when the asker's own is over.
 */
export async function listSessions (ports: ListSessionsPorts, asker: SessionRef, since: Date): Promise<Session[]> {
  await requireLiveSession(ports, asker)
  const sessions = await ports.sessions.list(asker.userId, ports.clock())
  const own = sessions.filter(({ id }) => id === asker.id)
  // Of its own session the asker sees what its token knows. With a copy of both tokens a thief would see here that the owner
  // has just refreshed, do the same within the grace, and so go on unnoticed to the session's end.
  return [
    ...own.map(session => ({ ...session, lastUsedAt: since > session.createdAt ? since : session.createdAt })),
    ...sessions.filter(({ id }) => id !== asker.id)
  ]
}

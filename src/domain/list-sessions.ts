import { requireLiveSession, type RequireLiveSessionPorts } from './require-live-session.ts'
import type { SessionRef, Session, Sessions } from './session.ts'

export type ListSessionsPorts = RequireLiveSessionPorts & { sessions: Sessions }

/** The live sessions of the person who asks, the latest used first. Throws `invalid-token` when the asker's own is over. */
export async function listSessions (ports: ListSessionsPorts, asker: SessionRef): Promise<Session[]> {
  await requireLiveSession(ports, asker)
  return ports.sessions.list(asker.userId, ports.clock())
}

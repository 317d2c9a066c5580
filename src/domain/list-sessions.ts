import { ownerOf, type LiveSessionPorts } from './live-session.ts'
import type { OwnSession, Session, Sessions } from './session.ts'

export type ListSessionsPorts = LiveSessionPorts & { sessions: Sessions }

/** The live sessions of the person who asks, the latest used first. Throws `invalid-token` when the asker's own is over. */
export async function listSessions (ports: ListSessionsPorts, asker: OwnSession): Promise<Session[]> {
  await ownerOf(ports, asker)
  return ports.sessions.list(asker.userId, ports.clock())
}

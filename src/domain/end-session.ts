import type { Caller } from './caller.ts'
import type { Events } from './events.ts'
import { requireLiveSession, type RequireLiveSessionPorts } from './require-live-session.ts'
import { Refusal } from './refusal.ts'
import { sessionIdPattern, type SessionRef, type Sessions } from './session.ts'

export type EndSessionPorts = RequireLiveSessionPorts & { sessions: Sessions, events: Events }

/**
 * Ends a session of the person who asks, the asker's own too.
 * Throws `not-found` when the person has no such session, and `invalid-token` when the asker's own is over.
 */
export async function endSession (ports: EndSessionPorts, caller: Caller, asker: SessionRef, id: string): Promise<void> {
  await requireLiveSession(ports, asker)
  const ended = sessionIdPattern.test(id) ? await ports.sessions.endOwn({ id, userId: asker.userId }, ports.clock()) : null
  if (ended === null) throw new Refusal('not-found')
  ports.events.record({ name: 'session.ended', caller, userId: ended.userId, sessionId: ended.id })
}

/** Ends all sessions of the person who asks but the asker's own. Throws `invalid-token` when that is over. */
export async function endOtherSessions (ports: EndSessionPorts, caller: Caller, asker: SessionRef): Promise<void> {
  await requireLiveSession(ports, asker)
  for (const { id, userId } of await ports.sessions.endOthers(asker)) {
    ports.events.record({ name: 'session.ended', caller, userId, sessionId: id })
  }
}

import type { Caller } from './caller.ts'
import { after, type Clock } from './clock.ts'
import type { Events } from './events.ts'
import type { Policy } from './policy.ts'
import { Refusal } from './refusal.ts'
import type { RefreshToken, RefreshTokens } from './refresh-tokens.ts'
import type { Grant, Sessions } from './session.ts'
import { settle } from './spend.ts'

export type RefreshSessionPorts = { sessions: Sessions, refreshTokens: RefreshTokens, events: Events, clock: Clock, policy: Policy }

/** Seconds in which a used token is answered once more, with the same successor: its answer may have been lost on the way. */
export const refreshGrace = 30

/**
 * Trades a refresh token for its successor (RFC 9700 §4.14.2). A used one that comes back after the grace, or once its successor
 * was used, was copied: as nobody can tell the thief from the owner, the session ends for both.
 * Throws `session-ended`.
 */
export async function refreshSession (ports: RefreshSessionPorts, caller: Caller, token: string): Promise<Grant> {
  const { sessions, refreshTokens, clock, policy } = ports
  const used = refreshTokens.read(token)
  if (used === null) throw new Refusal('session-ended')
  const now = clock()
  const [next] = refreshTokens.successors(used)
  const idleEndsAt = after(now, policy.refreshTokenTtl)
  const { spending, result: session } = await sessions.rotate(used.sessionId, used.hash, { tokenHash: next.hash, idleEndsAt }, caller.toll, now)
  settle(ports, caller, spending)
  return session === null ? answerAgain(ports, caller, used, now) : { session, refreshToken: next.token }
}

/** For a token that is not the newest: its successor again, within the grace and while unused; or the end. */
async function answerAgain ({ sessions, refreshTokens, events }: RefreshSessionPorts, caller: Caller, used: RefreshToken, now: Date): Promise<Grant> {
  const session = await sessions.find(used.sessionId, now)
  if (session === null) throw new Refusal('session-ended')
  const given = refreshTokens.successors(used).find(({ hash }) => Buffer.from(hash).equals(session.tokenHash))
  if (given !== undefined && after(session.lastUsedAt, refreshGrace) > now) return { session, refreshToken: given.token }
  const ended = await sessions.end(session.id)
  if (ended !== null) events.record({ name: 'session.reused', caller, userId: ended.userId, sessionId: ended.id })
  throw new Refusal('session-ended')
}

import type { RequestContext } from '../request-context.ts'
import { after, type Clock } from '../clock.ts'
import { capped, idleTime, isFromAhead } from '../deadlines.ts'
import type { Events } from '../events.ts'
import type { Policy } from '../policy.ts'
import { Refusal, type RefusalSlug } from '../refusal.ts'
import type { RefreshToken, RefreshTokens } from './refresh-tokens.ts'
import type { IssuedSession, Sessions } from './session.ts'

export type RefreshSessionPorts = {
  sessions: Sessions
  refreshTokens: RefreshTokens
  events: Events
  clock: Clock
  policy: Policy
}

/**
 * Grace period in seconds. Within it a used token gets the same successor again, because the first
 * response may have been lost.
 */
export const refreshGrace = 30

export const refreshSessionRefusals = ['session-ended'] as const satisfies readonly RefusalSlug[]

/**
 * Exchanges a refresh token for its successor (RFC 9700 §4.14.2). A used token that is sent again
 * after the grace period, or after its successor was used, was copied. The attacker can't be
 * distinguished from the user, so the session is revoked for both. A token that is newer than the
 * stored one was not copied. Its rotation was lost in a failover to an asynchronous standby, so it
 * is accepted once. Throws `refreshSessionRefusals`.
 */
export async function refreshSession(
  ports: RefreshSessionPorts,
  context: RequestContext,
  token: string
): Promise<IssuedSession> {
  const { sessions, refreshTokens, clock, policy } = ports
  const used = refreshTokens.read(token)
  if (used === null) throw new Refusal('session-ended', { reason: 'malformed' })
  const now = clock()
  const [next] = refreshTokens.successors(used)
  const idleExpiresAt = after(now, policy.refreshTokenTtl)
  // `rotate` keeps the earlier expiry. The stored one is later only if the clock was ahead at
  // login.
  const expiresAt = after(now, policy.sessionTtl)
  const session = await sessions.rotate(
    used.sessionId,
    used,
    { tokenHash: next.hash, idleExpiresAt, expiresAt },
    context.requestLimit.take(),
    now
  )
  if (session === null) return repeatRotation(ports, context, used, now)
  context.userId = session.userId
  return { session, refreshToken: next.token }
}

/**
 * Handles a token that is not the newest. Within the grace period, and while its successor is
 * unused, it gets the same successor again. Otherwise the session is revoked.
 */
async function repeatRotation(
  { sessions, refreshTokens, events, policy }: RefreshSessionPorts,
  context: RequestContext,
  used: RefreshToken,
  now: Date
): Promise<IssuedSession> {
  const found = await sessions.find(used.sessionId, now)
  if (found === null) throw new Refusal('session-ended', { reason: 'ended' })
  context.userId = found.userId
  const session = { ...found, idleExpiresAt: capped(found.idleExpiresAt, idleTime(policy), now) }
  const successor = refreshTokens
    .successors(used)
    .find(({ hash }) => Buffer.from(hash).equals(session.tokenHash))
  const graceEndsAt = after(session.lastUsedAt, refreshGrace)
  if (successor !== undefined && graceEndsAt > now && !isFromAhead(graceEndsAt, refreshGrace, now))
    return { session, refreshToken: successor.token }
  const ended = await sessions.end(session.id)
  if (ended !== null)
    events.record({
      name: 'refresh_token.reused',
      context,
      userId: ended.userId,
      sessionId: ended.id
    })
  throw new Refusal('session-ended', { reason: 'reused' })
}

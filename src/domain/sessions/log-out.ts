import type { Clock } from '../clock.ts'
import type { Events } from '../events.ts'
import type { RateLimits } from '../rate-limits/rate-limit.ts'
import type { RequestContext } from '../request-context.ts'
import type { RefreshTokens } from './refresh-tokens.ts'
import type { Sessions } from './session.ts'

export type LogOutPorts = {
  sessions: Sessions
  refreshTokens: RefreshTokens
  rateLimits: RateLimits
  events: Events
  clock: Clock
}

/**
 * Ends the session of a refresh token, even of a used one. Does nothing when there is no such
 * session.
 */
export async function logOut(
  { sessions, refreshTokens, rateLimits, events, clock }: LogOutPorts,
  context: RequestContext,
  token: string
): Promise<void> {
  await rateLimits.apply(context.requestLimit.take(), clock())
  const read = refreshTokens.read(token)
  if (read === null) return
  const ended = await sessions.end(read.sessionId)
  if (ended === null) return
  context.userId = ended.userId
  events.record({ name: 'session.ended', context, userId: ended.userId, sessionId: ended.id })
}

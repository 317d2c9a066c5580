import type { Caller } from './caller.ts'
import type { Events } from './events.ts'
import type { RefreshTokens } from './refresh-tokens.ts'
import type { Sessions } from './session.ts'

export type LogOutPorts = { sessions: Sessions, refreshTokens: RefreshTokens, events: Events }

/** Ends the session of a refresh token, also of a used one; where there is none, there is nothing to do. */
export async function logOut ({ sessions, refreshTokens, events }: LogOutPorts, caller: Caller, token: string): Promise<void> {
  const read = refreshTokens.read(token)
  if (read === null) return
  const ended = await sessions.end(read.sessionId)
  if (ended !== null) events.record({ name: 'session.ended', caller, userId: ended.userId, sessionId: ended.id })
}

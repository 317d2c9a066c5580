import type { Caller } from './caller.ts'
import type { RefreshTokens } from './refresh-tokens.ts'
import type { Sessions } from './session.ts'
import { spend, type SpendPorts } from './spend.ts'

export type LogOutPorts = SpendPorts & { sessions: Sessions, refreshTokens: RefreshTokens }

/** Ends the session of a refresh token, also of a used one; where there is none, there is nothing to do. */
export async function logOut (ports: LogOutPorts, caller: Caller, token: string): Promise<void> {
  const { sessions, refreshTokens, events } = ports
  await spend(ports, caller, caller.toll)
  const read = refreshTokens.read(token)
  if (read === null) return
  const ended = await sessions.end(read.sessionId)
  if (ended !== null) events.record({ name: 'session.ended', caller, userId: ended.userId, sessionId: ended.id })
}

import { z } from 'zod'
import type { Caller } from '../domain/caller.ts'
import { secondsUntil, type Clock } from '../domain/clock.ts'
import type { Events } from '../domain/events.ts'
import type { Grant } from '../domain/session.ts'
import type { AccessTokens } from '../http/access-tokens.ts'
import { exampleRefreshToken } from './fields.ts'

export type TokensReplyOptions = { accessTokens: AccessTokens, events: Events, clock: Clock }

/** What /verify and /refresh answer. */
export const tokensSchema = z.object({
  accessToken: z.string().meta({ description: 'A JWT (RFC 9068) for any service that trusts this one\'s published keys.' }),
  tokenType: z.literal('Bearer'),
  expiresIn: z.int().meta({ description: 'Seconds until the access token expires.' }),
  refreshToken: z.string().meta({ description: 'Opens POST /refresh once, and POST /logout. It replaces the one before.' }),
  refreshExpiresIn: z.int().meta({ description: 'Seconds until the session is over, unless it is refreshed before. Never past the session\'s own end.' })
}).meta({
  id: 'Tokens',
  description: 'The person is logged in.',
  examples: [{
    accessToken: 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl',
    tokenType: 'Bearer',
    expiresIn: 900,
    refreshToken: exampleRefreshToken,
    refreshExpiresIn: 3600
  }]
})

/** The reply for a session: a new access token, of which an event is recorded, beside the refresh token. */
export function tokensReply ({ accessTokens, events, clock }: TokensReplyOptions, caller: Caller, { session, refreshToken }: Grant) {
  const { token, tokenId, expiresIn } = accessTokens.sign(session)
  events.record({ name: 'token.issued', caller, userId: session.userId, sessionId: session.id, tokenId })
  return { accessToken: token, tokenType: 'Bearer' as const, expiresIn, refreshToken, refreshExpiresIn: secondsUntil(session.idleEndsAt, clock()) }
}

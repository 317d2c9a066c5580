import { z } from 'zod'
import type { RequestContext } from '../domain/request-context.ts'
import { secondsUntil, type Clock } from '../domain/clock.ts'
import type { Events } from '../domain/events.ts'
import type { IssuedSession } from '../domain/sessions/session.ts'
import type { AccessTokens } from '../http/tokens/access-tokens.ts'
import { exampleRefreshToken } from './fields.ts'

export type TokensReplyOptions = { accessTokens: AccessTokens; events: Events; clock: Clock }

/** The response of /verify and /refresh. */
export const tokensSchema = z
  .object({
    accessToken: z.string().meta({
      description:
        "A JWT (RFC 9068) with the user's claims. " +
        'Any service can verify it with the published keys.'
    }),
    tokenType: z.literal('Bearer'),
    expiresIn: z.int().meta({ description: 'Seconds until the access token expires.' }),
    refreshToken: z.string().meta({
      description:
        'A token for one POST /refresh, or for POST /logout. It replaces the previous one.'
    }),
    refreshExpiresIn: z.int().meta({
      description:
        'Seconds until the session expires, unless it is refreshed. Never past its absolute end.'
    })
  })
  .meta({
    id: 'Tokens',
    description: 'The tokens of a session.',
    examples: [
      {
        accessToken: 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ4In0.c2ln',
        tokenType: 'Bearer',
        expiresIn: 900,
        refreshToken: exampleRefreshToken,
        refreshExpiresIn: 3600
      }
    ]
  })

/** Issues an access token for a session, records the event, and returns the response body. */
export function tokensReply(
  { accessTokens, events, clock }: TokensReplyOptions,
  context: RequestContext,
  { session, refreshToken }: IssuedSession
) {
  const { token, tokenId, expiresIn } = accessTokens.sign(session)
  events.record({
    name: 'token.issued',
    context,
    userId: session.userId,
    sessionId: session.id,
    tokenId
  })
  return {
    accessToken: token,
    tokenType: 'Bearer' as const,
    expiresIn,
    refreshToken,
    refreshExpiresIn: secondsUntil(session.idleExpiresAt, clock())
  }
}

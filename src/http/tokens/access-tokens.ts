import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { unixTime, type Clock } from '../../domain/clock.ts'
import { randomId } from '../../domain/random-id.ts'
import { Refusal, type ReasonOf } from '../../domain/refusal.ts'
import type { RequestContext } from '../../domain/request-context.ts'
import type { SessionWithClaims } from '../../domain/sessions/session.ts'
import { issuableClaims } from '../../domain/users/claims.ts'
import { bearerToken } from '../requests/bearer-token.ts'
import { requestContext } from '../requests/request-context.ts'
import { createJwts, type Audience } from './jwts.ts'
import type { SigningKey } from './signing-key.ts'

/** Access tokens (RFC 9068). Other services verify them with the published keys. */
export type AccessTokens = {
  /**
   * Signs a token for this session, with the user's claims. `expiresIn` is in seconds. The token
   * never outlives the session as it is now, that is, without a further refresh.
   */
  sign: (session: SessionWithClaims) => { token: string; tokenId: string; expiresIn: number }
  /**
   * The claims of the token in an Authorization header. Sets the user of `context`. Throws
   * `invalid-token` for any other header and for a missing one.
   */
  read: (authorization: string | undefined, context: Pick<RequestContext, 'userId'>) => AccessClaims
}

// The claims of RFC 9068 §2.2 and our own. Their presence is checked here because fast-jwt skips a
// claim that is absent.
const accessClaims = z.object({
  sub: z.uuid(),
  client_id: z.literal('sms-login'),
  iat: z.int(),
  exp: z.int(),
  // We never set it, but honor it (RFC 7519 §4.1.5).
  nbf: z.number().optional(),
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  jti: z.string().min(22),
  // The range of Date.
  auth_time: z.int().min(0).max(8.64e12),
  amr: z.array(z.string()),
  sid: z.string().min(22)
})

/** The claims of a valid access token. */
export type AccessClaims = z.infer<typeof accessClaims>

/** The claims of the request's access token, as `AccessTokens.read` returns or refuses them. */
export const readAccessToken = (accessTokens: AccessTokens, request: FastifyRequest) =>
  accessTokens.read(request.headers.authorization, requestContext(request))

const invalidToken = (reason: ReasonOf<'invalid-token'>) => new Refusal('invalid-token', { reason })

/** `lifetime`: maximum seconds from signing to expiry. */
export type AccessTokenSettings = {
  issuer: string
  audience: Audience
  lifetime: number
  keys: readonly [SigningKey, ...SigningKey[]]
}

/** Creates access tokens. The first of `keys` signs, and all of them verify. */
export async function createAccessTokens(
  app: FastifyInstance,
  { issuer, audience, lifetime, keys }: AccessTokenSettings,
  clock: Clock
): Promise<AccessTokens> {
  const jwts = await createJwts(app, { typ: 'at+jwt', issuer, audience }, keys)

  return {
    sign({ id, userId, claims, createdAt, idleExpiresAt }) {
      const now = unixTime(clock())
      // Limited by the idle expiry, because services that verify the token locally don't see
      // whether the session was refreshed.
      const expiresIn = Math.max(0, Math.min(lifetime, unixTime(idleExpiresAt) - now))
      const tokenId = randomId()
      const token = jwts.sign({
        // First, so that none of them replaces a claim of the service.
        ...issuableClaims(claims),
        sub: userId,
        client_id: 'sms-login',
        iat: now,
        exp: now + expiresIn,
        jti: tokenId,
        auth_time: unixTime(createdAt),
        // RFC 8176: password, code by SMS, multiple factors.
        amr: ['pwd', 'sms', 'mfa'],
        sid: id
      })
      return { token, tokenId, expiresIn }
    },
    read(authorization, context) {
      if (authorization === undefined) throw invalidToken('missing')
      const verified = jwts.verify(bearerToken(authorization) ?? '', accessClaims)
      if ('fault' in verified) throw invalidToken(verified.fault)
      const { claims } = verified
      context.userId = claims.sub
      const now = unixTime(clock())
      // We sign a list only when several audiences are configured.
      const isList = typeof audience === 'string' && typeof claims.aud !== 'string'
      if (isList || (claims.nbf ?? now) > now) throw invalidToken('wrong-claims')
      if (claims.exp <= now) throw invalidToken('expired')
      return claims
    }
  }
}

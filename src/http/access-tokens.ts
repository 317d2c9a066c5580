import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { unixTime, type Clock } from '../domain/clock.ts'
import { randomId } from '../domain/random-id.ts'
import { Refusal } from '../domain/refusal.ts'
import type { Session } from '../domain/session.ts'
import { jwtsOf } from './jwts.ts'
import type { SigningKey } from './signing-key.ts'

/** The tokens that callers show to other services (RFC 9068), who check them with the published keys. */
export type AccessTokens = {
  /** A token of this session, with its id and the seconds until it expires: not after the session, unless that is refreshed. */
  sign: (session: Session) => { token: string, tokenId: string, expiresIn: number }
  /** The claims of the token in an Authorization header. Throws `invalid-token` for any other header, or none. */
  read: (authorization: string | undefined) => AccessClaims
}

// All of RFC 9068 §2.2 and what we add. Checked here, because fast-jwt skips a claim that is absent.
const accessClaims = z.object({
  sub: z.uuid(),
  client_id: z.literal('sms-login'),
  iat: z.int(),
  exp: z.int(),
  // None of ours has it; one that does means it (RFC 7519 §4.1.5).
  nbf: z.number().optional(),
  iss: z.string(),
  aud: z.string(),
  jti: z.string().min(22),
  // No further than a Date reaches.
  auth_time: z.int().min(0).max(8.64e12),
  amr: z.array(z.string()),
  sid: z.string().min(22)
})

export type AccessClaims = z.infer<typeof accessClaims>

/** `lifetime`: the most seconds from signing to expiry. */
export type AccessTokenSettings = { issuer: string, audience: string, lifetime: number, keys: readonly [SigningKey, ...SigningKey[]] }

/** Access tokens under asymmetric keys. */
export async function accessTokens (app: FastifyInstance, { issuer, audience, lifetime, keys }: AccessTokenSettings, clock: Clock): Promise<AccessTokens> {
  const jwts = await jwtsOf(app, { typ: 'at+jwt', issuer, audience }, keys)

  return {
    sign ({ id, userId, createdAt, idleEndsAt }) {
      const now = unixTime(clock())
      // By the idle end: no service that checks the token elsewhere learns that nobody refreshed the session.
      const expiresIn = Math.max(0, Math.min(lifetime, unixTime(idleEndsAt) - now))
      const tokenId = randomId()
      const token = jwts.sign({
        sub: userId,
        client_id: 'sms-login',
        iat: now,
        exp: now + expiresIn,
        jti: tokenId,
        auth_time: unixTime(createdAt),
        // RFC 8176: a password, a code by text message, so more than one factor.
        amr: ['pwd', 'sms', 'mfa'],
        sid: id
      })
      return { token, tokenId, expiresIn }
    },
    read (authorization) {
      const token = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(authorization ?? '')?.[1]
      try {
        const claims = accessClaims.parse(jwts.verify(token ?? ''))
        const now = unixTime(clock())
        if (claims.exp > now && (claims.nbf ?? now) <= now) return claims
      } catch {
        // In which way a token is bad is nobody's business.
      }
      throw new Refusal('invalid-token')
    }
  }
}

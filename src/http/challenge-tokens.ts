import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { unixTime, type Clock } from '../domain/clock.ts'
import { deriveKey } from '../domain/derive-key.ts'
import { randomId } from '../domain/random-id.ts'
import { Refusal } from '../domain/refusal.ts'
import { jwtsOf, type JwtKey } from './jwts.ts'

/** The tokens that tie the second step of a login to the first. They open /verify and /resend, and nothing else. */
export type ChallengeTokens = {
  sign: (challengeId: string, expiresAt: Date) => string
  /** The id of the challenge. Throws `challenge-ended` for whatever is not a running challenge's token. */
  read: (token: string) => string
}

// The challenge's id and times; nobody who reads it learns whose login it is. Issuer and audience are only asked to be
// there: fast-jwt compares them, but skips what is absent.
const challengeClaims = z.object({ iss: z.string(), aud: z.string(), sub: z.string().length(22), iat: z.int(), exp: z.int(), nbf: z.number().optional(), jti: z.string().length(22) })

/** Challenge tokens under keys derived from `secrets`. */
export async function challengeTokens (app: FastifyInstance, issuer: string, secrets: readonly [Buffer, ...Buffer[]], clock: Clock): Promise<ChallengeTokens> {
  const [first, ...others] = secrets
  const kind = { typ: 'challenge+jwt', issuer, audience: `${issuer}/verify` }
  const jwts = await jwtsOf(app, kind, [keyFrom(first), ...others.map(keyFrom)])

  return {
    sign: (challengeId, expiresAt) =>
      jwts.sign({ sub: challengeId, iat: unixTime(clock()), exp: unixTime(expiresAt), jti: randomId() }),
    read (token) {
      try {
        const { sub, exp, nbf } = challengeClaims.parse(jwts.verify(token))
        const now = unixTime(clock())
        // The record knows the end to the millisecond; the token is not to be stricter by the rest of its last second.
        if (exp >= now && (nbf ?? now) <= now) return sub
      } catch {
        // In which way a token is bad is nobody's business.
      }
      throw new Refusal('challenge-ended')
    }
  }
}

function keyFrom (secret: Buffer): JwtKey {
  const key = deriveKey(secret, 'challenge-token')
  return { kid: createHash('sha256').update(key).digest('base64url').slice(0, 8), algorithm: 'HS256', secret: key }
}

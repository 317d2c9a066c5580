import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { unixTime, type Clock } from '../domain/clock.ts'
import { deriveKey } from '../domain/derive-key.ts'
import { randomId } from '../domain/random-id.ts'
import { Refusal } from '../domain/refusal.ts'
import { jwtsOf, type JwtKey } from './jwts.ts'

/** The tokens that tie the second step, with the code, to the first. They open the two endpoints for it, and nothing else. */
export type ChallengeTokens = {
  sign: (challengeId: string, expiresAt: Date) => string
  /** The id of the challenge. Throws `challenge-ended` for whatever is not a running challenge's token. */
  read: (token: string) => string
}

// The challenge's id and times; nobody who reads it learns whose login it is. Issuer and audience are only asked to be
// there: fast-jwt compares them, but skips what is absent.
const challengeClaims = z.object({ iss: z.string(), aud: z.string(), sub: z.string().length(22), iat: z.int(), exp: z.int(), nbf: z.number().optional(), jti: z.string().length(22) })

/** What tells the challenge tokens of logins from those of confirmations, besides their keys. */
export const loginTokens = { typ: 'challenge+jwt', path: '/verify', keyPurpose: 'challenge-token' }
export const confirmationTokens = { typ: 'confirmation+jwt', path: '/confirmations/verify', keyPurpose: 'confirmation-token' }

/** Challenge tokens of one of these kinds, under keys derived from `secrets`. */
export async function challengeTokens (app: FastifyInstance, { typ, path, keyPurpose }: typeof loginTokens, issuer: string, secrets: readonly [Buffer, ...Buffer[]], clock: Clock): Promise<ChallengeTokens> {
  const [first, ...others] = secrets
  const keyFrom = (secret: Buffer) => jwtKey(deriveKey(secret, keyPurpose))
  const jwts = await jwtsOf(app, { typ, issuer, audience: `${issuer}${path}` }, [keyFrom(first), ...others.map(keyFrom)])

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

const jwtKey = (key: Buffer): JwtKey =>
  ({ kid: createHash('sha256').update(key).digest('base64url').slice(0, 8), algorithm: 'HS256', secret: key })

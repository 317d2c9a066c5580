import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { unixTime, type Clock } from '../../domain/clock.ts'
import { deriveKey } from '../../domain/derive-key.ts'
import { randomId } from '../../domain/random-id.ts'
import { Refusal } from '../../domain/refusal.ts'
import { createJwts, type JwtKey } from './jwts.ts'

/**
 * Challenge tokens. They link the second step, with the code, to the first. Only the endpoints that
 * verify or resend a code accept them.
 */
export type ChallengeTokens = {
  sign: (challengeId: string, expiresAt: Date) => string
  /** The id of the challenge. Null for an invalid or expired token, or one of another kind. */
  find: (token: string) => string | null
  /** The id of the challenge. Throws `challenge-ended` when `find` returns null. */
  read: (token: string) => string
}

// No claim identifies the user. `iss` and `aud` only have to be present here. fast-jwt compares
// them, but skips a claim that is absent.
const challengeClaims = z.object({
  iss: z.string(),
  aud: z.string(),
  sub: z.string().length(22),
  iat: z.int(),
  exp: z.int(),
  nbf: z.number().optional(),
  jti: z.string().length(22)
})

/**
 * The id of the challenge, and the kind of its token among these. Throws `challenge-ended` when the
 * token is of none of these kinds.
 */
export function readAnyKind(
  kinds: readonly ChallengeTokens[],
  token: string
): { challengeId: string; tokens: ChallengeTokens } {
  for (const tokens of kinds) {
    const challengeId = tokens.find(token)
    if (challengeId !== null) return { challengeId, tokens }
  }
  throw new Refusal('challenge-ended')
}

/** The settings that separate the challenge tokens of different purposes. */
export const loginTokens = { typ: 'challenge+jwt', path: '/verify', keyPurpose: 'challenge-token' }
export const confirmationTokens = {
  typ: 'confirmation+jwt',
  path: '/confirmations/verify',
  keyPurpose: 'confirmation-token'
}
export const phoneChangeTokens = {
  typ: 'phone-change+jwt',
  path: '/me/phone/verify',
  keyPurpose: 'phone-change-token'
}

/**
 * Creates challenge tokens of one kind, with keys derived from `secrets`. The first key signs, and
 * all of them verify.
 */
export async function createChallengeTokens(
  app: FastifyInstance,
  { typ, path, keyPurpose }: typeof loginTokens,
  issuer: string,
  secrets: readonly [Buffer, ...Buffer[]],
  clock: Clock
): Promise<ChallengeTokens> {
  const [first, ...others] = secrets
  const keyFrom = (secret: Buffer) => jwtKey(deriveKey(secret, keyPurpose))
  const jwts = await createJwts(app, { typ, issuer, audience: `${issuer}${path}` }, [
    keyFrom(first),
    ...others.map(keyFrom)
  ])

  const challengeTokens: ChallengeTokens = {
    sign: (challengeId, expiresAt) =>
      jwts.sign({
        sub: challengeId,
        iat: unixTime(clock()),
        exp: unixTime(expiresAt),
        jti: randomId()
      }),
    find(token) {
      try {
        const { sub, exp, nbf } = challengeClaims.parse(jwts.verify(token))
        const now = unixTime(clock())
        // The stored expiry has milliseconds. The token must not expire earlier because it has only
        // whole seconds.
        if (exp >= now && (nbf ?? now) <= now) return sub
      } catch {
        // The response must not reveal why the token is invalid.
      }
      return null
    },
    read(token) {
      const challengeId = challengeTokens.find(token)
      if (challengeId === null) throw new Refusal('challenge-ended')
      return challengeId
    }
  }
  return challengeTokens
}

const jwtKey = (key: Buffer): JwtKey => ({
  kid: createHash('sha256').update(key).digest('base64url').slice(0, 8),
  algorithm: 'HS256',
  secret: key
})

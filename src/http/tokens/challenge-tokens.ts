import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { unixTime, type Clock } from '../../domain/clock.ts'
import { deriveKey } from '../../domain/derive-key.ts'
import { randomId } from '../../domain/random-id.ts'
import { Refusal, type JwtFault } from '../../domain/refusal.ts'
import { createJwts, type JwtKey } from './jwts.ts'

/**
 * Challenge tokens. They link the second step, with the code, to the first. Only the endpoints that
 * verify or resend a code accept them.
 */
export type ChallengeTokens = {
  sign: (challengeId: string, expiresAt: Date) => string
  /** The id of the challenge, or what is wrong with the token. */
  find: (token: string) => { challengeId: string } | { fault: JwtFault }
  /** The id of the challenge. Throws `challenge-ended` if something is wrong with the token. */
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
  let reason: JwtFault = 'wrong-kind'
  for (const tokens of kinds) {
    const found = tokens.find(token)
    if ('challengeId' in found) return { ...found, tokens }
    if (found.fault !== 'wrong-kind') reason = found.fault
  }
  throw new Refusal('challenge-ended', { reason })
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
      const verified = jwts.verify(token, challengeClaims)
      if ('fault' in verified) return verified
      const { sub: challengeId, exp, nbf } = verified.claims
      const now = unixTime(clock())
      if ((nbf ?? now) > now) return { fault: 'wrong-claims' }
      // The stored expiry has milliseconds. The token must not expire earlier because it has only
      // whole seconds.
      return exp < now ? { fault: 'expired' } : { challengeId }
    },
    read: token => readAnyKind([challengeTokens], token).challengeId
  }
  return challengeTokens
}

const jwtKey = (key: Buffer): JwtKey => ({
  kid: createHash('sha256').update(key).digest('base64url').slice(0, 8),
  algorithm: 'HS256',
  secret: key
})

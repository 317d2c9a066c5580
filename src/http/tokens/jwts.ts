import fastifyJwt, { type FastifyJWTOptions, type JWT } from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import type { z } from 'zod'
import type { JwtFault } from '../../domain/refusal.ts'

/** A key for JWTs. `secret` has the form that @fastify/jwt expects. */
export type JwtKey = {
  kid: string
  algorithm: 'HS256' | 'ES256' | 'EdDSA' | 'RS256'
  secret: FastifyJWTOptions['secret']
}

/**
 * What all tokens of one kind share. A difference in any of the three is enough to reject tokens of
 * another kind.
 */
export type JwtKind = { typ: string; issuer: string; audience: Audience }

/** One audience or several. With several, `aud` is a list (RFC 7519 §4.1.3). */
export type Audience = string | readonly [string, ...string[]]

export type Jwts = {
  /** Signs these claims, plus `iss` and `aud`. The caller sets the times. */
  sign: (claims: object) => string
  /**
   * The claims, of this shape, of a token of this kind that one of the keys signed; otherwise what
   * is wrong with the token. Does not check `exp` and `nbf`.
   */
  verify: <Claims>(
    token: string,
    shape: z.ZodType<Claims>
  ) => { claims: Claims } | { fault: JwtFault }
}

/**
 * Signs and verifies one kind of token. The first key signs, and all of them verify, so keys can be
 * rotated while tokens are in use.
 */
export async function createJwts(
  app: FastifyInstance,
  kind: JwtKind,
  keys: readonly [JwtKey, ...JwtKey[]]
): Promise<Jwts> {
  const signing = await register(app, kind, keys[0])
  const verifying = new Map([[keys[0].kid, signing]])
  for (const key of keys.slice(1)) verifying.set(key.kid, await register(app, kind, key))

  return {
    sign: claims => signing.sign(claims),
    verify(token, shape) {
      const header = headerOf(signing, token)
      if (header === undefined) return { fault: 'malformed' }
      const { typ, kid, crit } = header
      if (kindOf(typ) !== kind.typ) return { fault: 'wrong-kind' }
      // We understand no critical extension (RFC 7515 §4.1.11). fast-jwt accepts a falsy `crit`.
      if (crit !== undefined) return { fault: 'forged' }
      const jwt = typeof kid === 'string' ? verifying.get(kid) : undefined
      if (jwt === undefined) return { fault: 'unknown-key' }
      try {
        const { payload } = jwt.verify<{ payload: unknown }>(token)
        const { data: claims } = shape.safeParse(payload)
        return claims === undefined ? { fault: 'wrong-claims' } : { claims }
      } catch (error) {
        return { fault: hasWrongClaims(error) ? 'wrong-claims' : 'forged' }
      }
    }
  }
}

/** What anyone can read in a token, without checking it. Undefined if it is not a JWT. */
function headerOf(jwt: JWT, token: string): Record<string, unknown> | undefined {
  try {
    return jwt.decode<{ header: Record<string, unknown> }>(token)?.header
  } catch {
    return undefined
  }
}

/** The media type without its prefix. It is written in any case (RFC 7515 §4.1.9). */
const kindOf = (typ: unknown) =>
  String(typ)
    .toLowerCase()
    .replace(/^application\//, '')

/** Whether the signature is valid, but not the issuer or the audience. */
const hasWrongClaims = (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === 'FAST_JWT_INVALID_CLAIM_VALUE'

/** Builds the signer and verifier of one key. Options per call would rebuild them each time. */
async function register(
  app: FastifyInstance,
  { typ, issuer, audience }: JwtKind,
  { kid, algorithm, secret }: JwtKey
): Promise<JWT> {
  const registered: JWT[] = []
  const aud = typeof audience === 'string' ? audience : [...audience]
  // @fastify/jwt decorates the instance it is registered on, so each kind and key needs a scope.
  await app.register(async scope => {
    await scope.register(fastifyJwt, {
      secret,
      decode: { complete: true },
      sign: { algorithm, kid, header: { alg: algorithm, typ }, iss: issuer, aud },
      // Our callers check the times against the injected clock. A cache would accept a token after
      // its key has been removed.
      verify: {
        complete: true,
        algorithms: [algorithm],
        checkTyp: typ,
        allowedIss: issuer,
        allowedAud: aud,
        ignoreExpiration: true,
        ignoreNotBefore: true,
        cache: false
      }
    })
    registered.push(scope.jwt)
  })
  const [jwt] = registered
  if (jwt === undefined) throw new Error('@fastify/jwt was not registered')
  return jwt
}

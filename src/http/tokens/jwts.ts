import fastifyJwt, { type FastifyJWTOptions, type JWT } from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'

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
   * The claims of a token of this kind signed by one of the keys. Throws for any other token. Does
   * not check `exp` and `nbf`.
   */
  verify: (token: string) => unknown
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
    verify(token) {
      const decoded = signing.decode<{ header: { kid?: unknown; crit?: unknown } }>(token)
      const { kid, crit } = decoded?.header ?? {}
      // We understand no critical extension (RFC 7515 §4.1.11). fast-jwt accepts a falsy `crit`.
      if (crit !== undefined) throw new Error('unsupported critical extension')
      const jwt = typeof kid === 'string' ? verifying.get(kid) : undefined
      if (jwt === undefined) throw new Error('unknown key id')
      return jwt.verify<{ payload: unknown }>(token).payload
    }
  }
}

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

import fastifyJwt, { type FastifyJWTOptions, type JWT } from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'

/** A key for tokens: `secret` as @fastify/jwt takes it, `kid` as a token's header names it. */
export type JwtKey = { kid: string, algorithm: 'HS256' | 'ES256' | 'EdDSA' | 'RS256', secret: FastifyJWTOptions['secret'] }

/** What all tokens of one kind have in common; a token of another kind is refused by each of the three. */
export type JwtKind = { typ: string, issuer: string, audience: string }

/** One kind of token. */
export type Jwts = {
  /** Signs these claims, to which issuer and audience are added. Times are the caller's. */
  sign: (claims: object) => string
  /** The claims of a token of this kind that one of the keys has signed; throws on any other. Its times are not looked at. */
  verify: (token: string) => unknown
}

/** One kind of token under a ring of keys: the first signs, all verify, so that a key can be changed while tokens are out. */
export async function jwtsOf (app: FastifyInstance, kind: JwtKind, keys: readonly [JwtKey, ...JwtKey[]]): Promise<Jwts> {
  const signing = await register(app, kind, keys[0])
  const verifying = new Map([[keys[0].kid, signing]])
  for (const key of keys.slice(1)) verifying.set(key.kid, await register(app, kind, key))

  return {
    sign: claims => signing.sign(claims),
    verify (token) {
      const { kid, crit } = signing.decode<{ header: { kid?: unknown, crit?: unknown } }>(token)?.header ?? {}
      // Here no extension is understood, so there is none that a token may insist on. fast-jwt lets a falsy `crit` pass.
      if (crit !== undefined) throw new Error('critical extensions')
      const jwt = typeof kid === 'string' ? verifying.get(kid) : undefined
      if (jwt === undefined) throw new Error('no key of that id')
      return jwt.verify<{ payload: unknown }>(token).payload
    }
  }
}

/** Signers and verifiers are built here, once: options given to a single call would build new ones at that call. */
async function register (app: FastifyInstance, { typ, issuer, audience }: JwtKind, { kid, algorithm, secret }: JwtKey): Promise<JWT> {
  const registered: JWT[] = []
  // A scope of its own, because @fastify/jwt decorates the instance it is registered on and each kind and key needs its own.
  await app.register(async scope => {
    await scope.register(fastifyJwt, {
      secret,
      decode: { complete: true },
      sign: { algorithm, kid, header: { alg: algorithm, typ }, iss: issuer, aud: audience },
      // Times are checked against the service's clock by whoever asked; without a cache no token outlives its key.
      verify: { complete: true, algorithms: [algorithm], checkTyp: typ, allowedIss: issuer, allowedAud: audience, ignoreExpiration: true, ignoreNotBefore: true, cache: false }
    })
    registered.push(scope.jwt)
  })
  const [jwt] = registered
  if (jwt === undefined) throw new Error('@fastify/jwt was not registered')
  return jwt
}

import { createPublicKey, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, type JWK } from 'jose'
import type { JwtKey } from './jwts.ts'

/** A private key for @fastify/jwt, and `jwk`, its public key as published in the JWKS. */
export type SigningKey = JwtKey & { jwk: JWK }

const algorithms: Record<string, 'ES256' | 'EdDSA' | 'RS256'> = {
  ec: 'ES256',
  ed25519: 'EdDSA',
  rsa: 'RS256'
}

/**
 * Derives the algorithm from the key type, and the `kid` from the key (RFC 7638 thumbprint). Throws
 * for key types other than EC, Ed25519 and RSA.
 */
export async function signingKey(privateKey: KeyObject): Promise<SigningKey> {
  const algorithm = algorithms[privateKey.asymmetricKeyType ?? '']
  if (algorithm === undefined)
    throw new Error(`no signature algorithm for a key of type ${privateKey.asymmetricKeyType}`)
  const publicKey = createPublicKey(privateKey)
  const jwk = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(jwk)
  return {
    kid,
    algorithm,
    secret: { private: pem(privateKey, 'pkcs8'), public: pem(publicKey, 'spki') },
    jwk: { ...jwk, use: 'sig', alg: algorithm, kid }
  }
}

const pem = (key: KeyObject, type: 'pkcs8' | 'spki') =>
  key.export({ format: 'pem', type }).toString()

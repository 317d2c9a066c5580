import { createPublicKey, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, type JWK } from 'jose'
import type { JwtKey } from './jwts.ts'

/** A private key as @fastify/jwt signs with it, and its public half as others verify with it. */
export type SigningKey = JwtKey & { jwk: JWK }

const algorithms: Record<string, 'ES256' | 'EdDSA' | 'RS256'> = { ec: 'ES256', ed25519: 'EdDSA', rsa: 'RS256' }

/** The algorithm follows from the key, the `kid` is its thumbprint (RFC 7638). Throws on a kind of key other than EC, Ed25519 and RSA. */
export async function signingKey (privateKey: KeyObject): Promise<SigningKey> {
  const algorithm = algorithms[privateKey.asymmetricKeyType ?? '']
  if (algorithm === undefined) throw new Error(`no signature algorithm for a key of type ${privateKey.asymmetricKeyType}`)
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

const pem = (key: KeyObject, type: 'pkcs8' | 'spki') => key.export({ format: 'pem', type }).toString()

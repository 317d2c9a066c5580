import { generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto'
import Fastify from 'fastify'
import { randomId } from '../src/domain/random-id.ts'
import { createAccessTokens } from '../src/http/tokens/access-tokens.ts'
import { signingKey } from '../src/http/tokens/signing-key.ts'

// This process on the server's core signs and verifies access tokens with the service's code. Each
// message requests one slice.

/** The microseconds for one token. */
export type SigningCost = { sign: number; verify: number }
export type SigningSlice = { algorithm: keyof typeof keys; ms: number }

const keys = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  EdDSA: generateKeyPairSync('ed25519').privateKey,
  RS256: generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey
}
const now = new Date()
const session = {
  id: randomId(),
  userId: randomUUID(),
  tokenHash: new Uint8Array(32),
  client: null,
  language: null,
  claims: {},
  createdAt: now,
  lastUsedAt: now,
  idleExpiresAt: new Date(now.getTime() + 3.6e6),
  expiresAt: new Date(now.getTime() + 3.6e6)
}

const app = Fastify()
const createTokens = async (key: KeyObject) =>
  createAccessTokens(
    app,
    {
      issuer: 'https://login.example.com',
      audience: 'https://login.example.com',
      lifetime: 900,
      keys: [await signingKey(key)]
    },
    () => new Date()
  )
const tokens = {
  ES256: await createTokens(keys.ES256),
  EdDSA: await createTokens(keys.EdDSA),
  RS256: await createTokens(keys.RS256)
}

process.on('message', ({ algorithm, ms }: SigningSlice) => {
  const { sign, read } = tokens[algorithm]
  // Different tokens, so that caching the last one has no effect.
  const signed = Array.from({ length: 50 }, () => `Bearer ${sign(session).token}`)
  process.send?.({
    sign: microseconds(ms, () => sign(session)),
    verify: microseconds(ms, nth => read(signed[nth % signed.length], { userId: null }))
  } satisfies SigningCost)
})

function microseconds(ms: number, work: (nth: number) => unknown): number {
  const started = performance.now()
  let times = 0
  while (performance.now() < started + ms) work(times++)
  return ((performance.now() - started) / times) * 1000
}

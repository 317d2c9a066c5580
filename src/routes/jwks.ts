import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { SigningKey } from '../http/signing-key.ts'

/** Seconds for which others may go by the keys they have fetched. A new key is published for that long before it signs. */
export const jwksMaxAge = 300

export type JwksOptions = { signingKeys: readonly SigningKey[] }

const reply = z.object({
  keys: z.array(z.looseObject({ kty: z.string(), kid: z.string(), use: z.literal('sig'), alg: z.string() }))
}).meta({
  id: 'Jwks',
  description: 'The keys with which access tokens and receipts are signed (RFC 7517).',
  examples: [{
    keys: [{ kty: 'EC', crv: 'P-256', x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4', y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM', use: 'sig', alg: 'ES256', kid: 'cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s' }]
  }]
})

/** GET /.well-known/jwks.json: how other services check our tokens without asking us. */
export const jwksRoute: FastifyPluginAsyncZod<JwksOptions> = async (app, { signingKeys }) => {
  const body = reply.parse({ keys: signingKeys.map(({ jwk }) => jwk) })

  app.get('/.well-known/jwks.json', {
    schema: {
      operationId: 'jwks',
      summary: 'The public keys of access tokens and receipts',
      description: 'Any service can verify an access token or a receipt with these: pick the key by the token\'s `kid`. To be cached for as long as `Cache-Control` says.',
      tags: ['Tokens'],
      response: { 200: reply }
    },
    config: { problems: [] }
  }, async (_request, answer) => {
    answer.header('cache-control', `public, max-age=${jwksMaxAge}`)
    return body
  })
}

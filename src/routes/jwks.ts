import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { jwksMaxAge } from '../domain/token-lifetimes.ts'
import type { SigningKey } from '../http/tokens/signing-key.ts'

export type JwksOptions = { signingKeys: readonly SigningKey[] }

const jwksSchema = z
  .object({
    keys: z.array(
      z.looseObject({ kty: z.string(), kid: z.string(), use: z.literal('sig'), alg: z.string() })
    )
  })
  .meta({
    id: 'Jwks',
    description: 'The public keys for access tokens and receipts (RFC 7517).',
    examples: [
      {
        keys: [
          {
            kty: 'EC',
            crv: 'P-256',
            x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
            y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
            use: 'sig',
            alg: 'ES256',
            kid: 'cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s'
          }
        ]
      }
    ]
  })

/** GET /.well-known/jwks.json: other services verify our tokens locally with these keys. */
export const jwksRoute: FastifyPluginAsyncZod<JwksOptions> = async (app, { signingKeys }) => {
  const body = jwksSchema.parse({ keys: signingKeys.map(({ jwk }) => jwk) })

  app.get(
    '/.well-known/jwks.json',
    {
      schema: {
        operationId: 'jwks',
        summary: 'Get the public keys for access tokens and receipts',
        description:
          "Any service can verify access tokens and receipts with these keys. The token's `kid` " +
          'names the key. Cache the keys for as long as `Cache-Control` says.',
        tags: ['Tokens'],
        response: { 200: jwksSchema }
      },
      config: { problems: [] }
    },
    async (_request, reply) => {
      reply.header('cache-control', `public, max-age=${jwksMaxAge}`)
      return body
    }
  )
}

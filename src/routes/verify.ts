import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { verifyCode, type VerifyCodePorts } from '../domain/verify-code.ts'
import type { AccessTokens } from '../http/access-tokens.ts'
import { callerOf } from '../http/caller-of.ts'
import type { ChallengeTokens } from '../http/challenge-tokens.ts'
import { challengeTokenField, exampleToken } from './fields.ts'

export type VerifyOptions = VerifyCodePorts & { challengeTokens: ChallengeTokens, accessTokens: AccessTokens, codeLength: number }

const reply = z.object({
  accessToken: z.string().meta({ description: 'A JWT (RFC 9068) for any service that trusts this one\'s published keys.' }),
  tokenType: z.literal('Bearer'),
  expiresIn: z.int().meta({ description: 'Seconds until the token expires.' })
}).meta({
  id: 'Tokens',
  description: 'The person is logged in.',
  examples: [{ accessToken: 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl', tokenType: 'Bearer', expiresIn: 900 }]
})

/** POST /verify: challenge and code, for an access token. */
export const verifyRoute: FastifyPluginAsyncZod<VerifyOptions> = async (app, { challengeTokens, accessTokens, codeLength, ...ports }) => {
  const body = z.strictObject({
    challengeToken: challengeTokenField,
    code: z.string({ error: ({ input }) => input === undefined ? 'is required' : 'must be a string' })
      .regex(new RegExp(`^[0-9]{${codeLength}}$`), `must be ${codeLength} digits`)
      .meta({ description: 'The digits of the text message, `codeLength` of them; a string, because leading zeros count.' })
  }).meta({ id: 'VerifyRequest', examples: [{ challengeToken: exampleToken, code: '042137' }] })

  app.post('/verify', {
    schema: {
      operationId: 'verify',
      summary: 'Exchange challenge and code for an access token',
      description: 'The second step. Each well-formed code costs one attempt; a right one ends the challenge.',
      tags: ['Login'],
      body,
      response: { 200: reply }
    },
    config: { problems: ['invalid-request', 'wrong-code', 'code-expired', 'challenge-ended', 'too-many-attempts', 'database-unavailable'] }
  }, async request => {
    const challengeId = challengeTokens.read(request.body.challengeToken)
    const caller = callerOf(request)
    const authentication = await verifyCode(ports, caller, { challengeId, code: request.body.code })
    const { token, tokenId, sessionId } = accessTokens.sign(authentication)
    ports.events.record({ name: 'token.issued', caller, userId: authentication.userId, sessionId, tokenId })
    return { accessToken: token, tokenType: 'Bearer' as const, expiresIn: accessTokens.lifetime }
  })
}

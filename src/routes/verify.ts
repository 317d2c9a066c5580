import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { verifyCode, type VerifyCodePorts } from '../domain/verify-code.ts'
import { callerOf } from '../http/caller-of.ts'
import type { ChallengeTokens } from '../http/challenge-tokens.ts'
import { clientName } from '../http/client-name.ts'
import { challengeTokenField, exampleChallengeToken } from './fields.ts'
import { tokensReply, tokensSchema, type TokensReplyOptions } from './tokens-reply.ts'

export type VerifyOptions = VerifyCodePorts & TokensReplyOptions & { challengeTokens: ChallengeTokens, codeLength: number }

/** POST /verify: challenge and code, for a session and its tokens. */
export const verifyRoute: FastifyPluginAsyncZod<VerifyOptions> = async (app, options) => {
  const body = z.strictObject({
    challengeToken: challengeTokenField,
    code: z.string({ error: ({ input }) => input === undefined ? 'is required' : 'must be a string' })
      .regex(new RegExp(`^[0-9]{${options.codeLength}}$`), `must be ${options.codeLength} digits`)
      .meta({ description: 'The digits of the text message, `codeLength` of them; a string, because leading zeros count.' })
  }).meta({ id: 'VerifyRequest', examples: [{ challengeToken: exampleChallengeToken, code: '042137' }] })

  app.post('/verify', {
    schema: {
      operationId: 'verify',
      summary: 'Exchange challenge and code for tokens',
      description: 'The second step. Each well-formed code costs one attempt; a right one ends the challenge and begins a session.',
      tags: ['Login'],
      body,
      response: { 200: tokensSchema }
    },
    config: { problems: ['invalid-request', 'wrong-code', 'code-expired', 'challenge-ended', 'too-many-attempts', 'database-unavailable'] }
  }, async request => {
    const { challengeToken, code } = request.body
    const challengeId = options.challengeTokens.read(challengeToken)
    const caller = callerOf(request)
    return tokensReply(options, caller, await verifyCode(options, caller, { challengeId, code, client: clientName(request.headers['user-agent']) }))
  })
}

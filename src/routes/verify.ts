import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { verifyCode, type VerifyCodePorts } from '../domain/verify-code.ts'
import { callerOf } from '../http/caller-of.ts'
import type { ChallengeTokens } from '../http/challenge-tokens.ts'
import { clientName } from '../http/client-name.ts'
import { challengeTokenField, codeField, exampleChallengeToken } from './fields.ts'
import { tokensReply, tokensSchema, type TokensReplyOptions } from './tokens-reply.ts'

export type VerifyOptions = VerifyCodePorts & TokensReplyOptions & { challengeTokens: ChallengeTokens, codeLength: number }

/** POST /verify: challenge and code, for a session and its tokens. */
export const verifyRoute: FastifyPluginAsyncZod<VerifyOptions> = async (app, options) => {
  const body = z.strictObject({
    challengeToken: challengeTokenField,
    code: codeField(options.codeLength)
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

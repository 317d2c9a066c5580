import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { checkCodeRefusals, verifyCode, type VerifyCodePorts } from '../domain/codes/verify-code.ts'
import { requestContext } from '../http/requests/request-context.ts'
import type { ChallengeTokens } from '../http/tokens/challenge-tokens.ts'
import { clientName } from '../http/requests/client-name.ts'
import { challengeTokenField, codeField, placeholder } from './fields.ts'
import { problemsOf } from './problems-of.ts'
import { tokensReply, tokensSchema, type TokensReplyOptions } from './tokens-reply.ts'

export type VerifyOptions = VerifyCodePorts &
  TokensReplyOptions & { challengeTokens: ChallengeTokens; codeLength: number }

/** POST /verify: exchanges a challenge token and a code for the tokens of a new session. */
export const verifyRoute: FastifyPluginAsyncZod<VerifyOptions> = async (app, options) => {
  const body = z
    .strictObject({
      challengeToken: challengeTokenField,
      code: codeField(options.codeLength)
    })
    .meta({
      id: 'VerifyRequest',
      examples: [{ challengeToken: placeholder.challengeToken, code: '123456' }]
    })

  app.post(
    '/verify',
    {
      schema: {
        operationId: 'verify',
        summary: 'Exchange the challenge token and the code for tokens',
        description:
          'The second step. Each well-formed code uses one attempt. The right code ends the ' +
          'challenge and starts a session.',
        tags: ['Login'],
        body,
        response: { 200: tokensSchema }
      },
      config: {
        problems: problemsOf('invalid-request', ...checkCodeRefusals)
      }
    },
    async request => {
      const { challengeToken, code } = request.body
      const challengeId = options.challengeTokens.read(challengeToken)
      const context = requestContext(request)
      return tokensReply(
        options,
        context,
        await verifyCode(
          options,
          context,
          { challengeId, code },
          clientName(request.headers['user-agent'])
        )
      )
    }
  )
}

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  resendCode,
  resendCodeRefusals,
  type ResendCodePorts
} from '../domain/codes/resend-code.ts'
import { requestContext } from '../http/requests/request-context.ts'
import { readAnyKind, type ChallengeTokens } from '../http/tokens/challenge-tokens.ts'
import { placeholder, textField } from './fields.ts'
import { codeStatusReply, codeStatusSchema } from './code-status-reply.ts'
import { problemsOf } from './problems-of.ts'

export type ResendOptions = ResendCodePorts & {
  challengeTokens: ChallengeTokens
  phoneChangeTokens: ChallengeTokens
  codeLength: number
}

const body = z
  .strictObject({
    challengeToken: textField(2048).meta({
      description: 'The `challengeToken` of POST /login, POST /me/phone or POST /resend.'
    })
  })
  .meta({ id: 'ResendRequest', examples: [{ challengeToken: placeholder.challengeToken }] })

/** POST /resend: sends a new code for the same login or phone change. */
export const resendRoute: FastifyPluginAsyncZod<ResendOptions> = async (app, options) => {
  app.post(
    '/resend',
    {
      schema: {
        operationId: 'resend',
        summary: 'Send a new code',
        description:
          'The code of a phone change is sent to the new number. The old code stops working. The ' +
          'attempts left and the expiry of the challenge do not change.',
        tags: ['Login'],
        body,
        response: { 200: codeStatusSchema }
      },
      config: {
        problems: problemsOf('invalid-request', ...resendCodeRefusals)
      }
    },
    async request => {
      const { challengeTokens, phoneChangeTokens, codeLength } = options
      const { challengeId, tokens } = readAnyKind(
        [challengeTokens, phoneChangeTokens],
        request.body.challengeToken
      )
      return codeStatusReply(
        tokens,
        codeLength,
        await resendCode(options, requestContext(request), challengeId)
      )
    }
  )
}

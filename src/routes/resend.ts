import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { resendCode, type ResendCodePorts } from '../domain/resend-code.ts'
import { callerOf } from '../http/caller-of.ts'
import type { ChallengeTokens } from '../http/challenge-tokens.ts'
import { challengeTokenField, exampleChallengeToken } from './fields.ts'
import { pendingCodeReply, pendingCodeSchema } from './pending-code-reply.ts'

export type ResendOptions = ResendCodePorts & { challengeTokens: ChallengeTokens, codeLength: number }

const body = z.strictObject({ challengeToken: challengeTokenField }).meta({ id: 'ResendRequest', examples: [{ challengeToken: exampleChallengeToken }] })

/** POST /resend: another code for the same challenge. */
export const resendRoute: FastifyPluginAsyncZod<ResendOptions> = async (app, options) => {
  app.post('/resend', {
    schema: {
      operationId: 'resend',
      summary: 'Text another code',
      description: 'The old code is dead from here on. The attempts left and the end of the challenge do not change.',
      tags: ['Login'],
      body,
      response: { 200: pendingCodeSchema }
    },
    config: { problems: ['invalid-request', 'challenge-ended', 'resend-too-soon', 'too-many-attempts', 'too-many-texts', 'sms-undeliverable', 'sms-unavailable', 'database-unavailable'] }
  }, async request => {
    const challengeId = options.challengeTokens.read(request.body.challengeToken)
    return pendingCodeReply(options.challengeTokens, options.codeLength, await resendCode(options, callerOf(request), challengeId))
  })
}

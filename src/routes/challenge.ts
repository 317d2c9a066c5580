import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  readChallenge,
  readChallengeRefusals,
  type ReadChallengePorts
} from '../domain/codes/read-challenge.ts'
import { requestContext } from '../http/requests/request-context.ts'
import { readAnyKind, type ChallengeTokens } from '../http/tokens/challenge-tokens.ts'
import { codeStatusReply, codeStatusSchema } from './code-status-reply.ts'
import { exampleChallengeToken, placeholder, textField } from './fields.ts'
import { problemsOf } from './problems-of.ts'

export type ChallengeOptions = ReadChallengePorts & {
  challengeTokens: ChallengeTokens
  confirmationTokens: ChallengeTokens
  phoneChangeTokens: ChallengeTokens
  codeLength: number
}

const body = z
  .strictObject({
    challengeToken: textField(2048).meta({
      description:
        'The `challengeToken` of POST /login, POST /me/phone or POST /resend, or the ' +
        '`confirmationToken` of POST /confirmations or POST /confirmations/resend.'
    })
  })
  .meta({ id: 'ChallengeRequest', examples: [{ challengeToken: placeholder.challengeToken }] })

const reply = z
  .object({
    ...codeStatusSchema.shape,
    sent: z.boolean().meta({ description: 'Always false, because this sends no message.' }),
    delivery: z.enum(['none', 'unknown', 'queued', 'sent', 'delivered', 'failed']).meta({
      description:
        'What is known about the newest message: `none` has been sent; `unknown`, because the ' +
        'operator has not set `PUBLIC_URL`; `queued` at the SMS provider; `sent` to the carrier, ' +
        'which may be the last report; `delivered`; or `failed`.'
    }),
    deliveryReason: z
      .enum(['unreachable', 'not-mobile', 'blocked', 'filtered', 'expired', 'unknown'])
      .optional()
      .meta({
        description:
          'With `failed`: the phone is off or `unreachable`; the number is `not-mobile`; its ' +
          'owner or carrier has `blocked` messages; a carrier `filtered` the message; it ' +
          '`expired` before it could be delivered; or the reason is `unknown`.'
      })
  })
  .meta({
    id: 'ChallengeStatus',
    description: 'A pending code, the token to submit it with, and the delivery of its message.',
    examples: [
      {
        challengeToken: exampleChallengeToken,
        expiresIn: 595,
        destination: '+1•••••••06',
        codeLength: 6,
        codeExpiresIn: 55,
        resendIn: 0,
        sent: false,
        delivery: 'failed',
        deliveryReason: 'unreachable'
      }
    ]
  })

/** POST /challenge: the state of a pending code, for an app that waits for it. */
export const challengeRoute: FastifyPluginAsyncZod<ChallengeOptions> = async (app, options) => {
  const { challengeTokens, confirmationTokens, phoneChangeTokens, codeLength } = options
  app.post(
    '/challenge',
    {
      schema: {
        operationId: 'readChallenge',
        summary: 'Read the state of a pending code',
        description:
          'Says whether the message has arrived. It sends no message, uses no attempt and may be ' +
          'polled. After `failed`, `resendIn` is 0: a new code may be requested at once.',
        tags: ['Login'],
        body,
        response: { 200: reply }
      },
      config: { problems: problemsOf('invalid-request', ...readChallengeRefusals) }
    },
    async request => {
      const { challengeId, tokens } = readAnyKind(
        [challengeTokens, confirmationTokens, phoneChangeTokens],
        request.body.challengeToken
      )
      return codeStatusReply(
        tokens,
        codeLength,
        await readChallenge(options, requestContext(request), challengeId)
      )
    }
  )
}

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  requestPhoneChange,
  requestPhoneChangeRefusals,
  type RequestPhoneChangePorts
} from '../domain/account/request-phone-change.ts'
import {
  verifyPhoneChange,
  verifyPhoneChangeRefusals,
  type VerifyPhoneChangePorts
} from '../domain/account/verify-phone-change.ts'
import { requestContext } from '../http/requests/request-context.ts'
import { readAccessToken, type AccessTokens } from '../http/tokens/access-tokens.ts'
import type { ChallengeTokens } from '../http/tokens/challenge-tokens.ts'
import { codeStatusReply, codeStatusSchema } from './code-status-reply.ts'
import { codeField, placeholder, textField } from './fields.ts'
import { problemsOf } from './problems-of.ts'

export type MePhoneOptions = RequestPhoneChangePorts &
  VerifyPhoneChangePorts & {
    accessTokens: AccessTokens
    phoneChangeTokens: ChallengeTokens
    codeLength: number
  }

/** POST /me/phone and /me/phone/verify: a user changes the number that codes are sent to. */
export const mePhoneRoute: FastifyPluginAsyncZod<MePhoneOptions> = async (app, options) => {
  const { accessTokens, phoneChangeTokens, codeLength } = options
  const security = [{ accessToken: [] }]

  app.post(
    '/me/phone',
    {
      schema: {
        operationId: 'changePhone',
        summary: 'Send a code to a new phone number',
        description:
          'The first step of a change. The code is sent to the new number. `POST /resend` sends ' +
          'another one. A request with another number replaces the pending change. Requires a ' +
          'recent login.',
        tags: ['Account'],
        security,
        body: z
          .strictObject({
            phone: textField(64).meta({
              description:
                'The new number, with `+` and the country code. Spaces and punctuation are ignored.'
            })
          })
          .meta({ id: 'ChangePhoneRequest', examples: [{ phone: '+14155550106' }] }),
        response: { 200: codeStatusSchema }
      },
      config: { problems: problemsOf(...requestPhoneChangeRefusals) }
    },
    async request => {
      const { sub, sid, auth_time: authTime, amr } = readAccessToken(accessTokens, request)
      const pending = await requestPhoneChange(
        options,
        requestContext(request),
        { id: sid, userId: sub, authTime, amr },
        request.body.phone
      )
      return codeStatusReply(phoneChangeTokens, codeLength, pending)
    }
  )

  app.post(
    '/me/phone/verify',
    {
      schema: {
        operationId: 'verifyPhone',
        summary: 'Change the phone number with the code',
        description:
          'The second step of a change. Each well-formed code uses one attempt. The right code ' +
          'changes the number and ends all other sessions and everything pending. The old number ' +
          'gets a notice.',
        tags: ['Account'],
        security,
        body: z
          .strictObject({
            challengeToken: textField(2048).meta({
              description: 'The `challengeToken` of POST /me/phone or POST /resend.'
            }),
            code: codeField(codeLength)
          })
          .meta({
            id: 'VerifyPhoneRequest',
            examples: [{ challengeToken: placeholder.phoneChangeToken, code: '123456' }]
          }),
        response: { 204: z.null().describe('The number has been changed.') }
      },
      config: { problems: problemsOf('invalid-request', ...verifyPhoneChangeRefusals) }
    },
    async (request, reply) => {
      const { sub, sid } = readAccessToken(accessTokens, request)
      const { challengeToken, code } = request.body
      const challengeId = phoneChangeTokens.read(challengeToken)
      await verifyPhoneChange(
        options,
        requestContext(request),
        { id: sid, userId: sub },
        { challengeId, code }
      )
      return reply.code(204).send(null)
    }
  )
}

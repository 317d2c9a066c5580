import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  changePassword,
  changePasswordRefusals,
  type ChangePasswordPorts
} from '../domain/account/change-password.ts'
import { abortOnDisconnect } from '../http/connections/abort-on-disconnect.ts'
import { readAccessToken, type AccessTokens } from '../http/tokens/access-tokens.ts'
import { requestContext } from '../http/requests/request-context.ts'
import { passwordField } from './fields.ts'
import { problemsOf } from './problems-of.ts'

export type MePasswordOptions = ChangePasswordPorts & { accessTokens: AccessTokens }

const body = z
  .strictObject({
    currentPassword: passwordField,
    newPassword: passwordField.meta({
      description:
        '8 to 256 characters of any kind. Common and predictable passwords, and those that ' +
        'contain the username, are rejected.'
    })
  })
  .meta({
    id: 'ChangePasswordRequest',
    examples: [{ currentPassword: '<the current password>', newPassword: '<another password>' }]
  })

/** POST /me/password: changes the password of the access token's user. */
export const mePasswordRoute: FastifyPluginAsyncZod<MePasswordOptions> = async (
  app,
  { accessTokens, ...ports }
) => {
  app.post(
    '/me/password',
    {
      schema: {
        operationId: 'changePassword',
        summary: 'Change the password',
        description:
          'Ends all other sessions and all pending logins and confirmations of the user. A wrong ' +
          '`currentPassword` counts like one of a login.',
        tags: ['Account'],
        security: [{ accessToken: [] }],
        body,
        response: { 204: z.null().describe('The password has been changed.') }
      },
      config: { problems: problemsOf(...changePasswordRefusals) }
    },
    async (request, reply) => {
      const { sub, sid } = readAccessToken(accessTokens, request)
      await changePassword(
        ports,
        requestContext(request),
        { id: sid, userId: sub },
        request.body,
        abortOnDisconnect(reply)
      )
      return reply.code(204).send(null)
    }
  )
}

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  refreshGrace,
  refreshSession,
  refreshSessionRefusals,
  type RefreshSessionPorts
} from '../domain/sessions/refresh-session.ts'
import { requestContext } from '../http/requests/request-context.ts'
import { placeholder, refreshTokenField } from './fields.ts'
import { problemsOf } from './problems-of.ts'
import { tokensReply, tokensSchema, type TokensReplyOptions } from './tokens-reply.ts'

export type RefreshOptions = RefreshSessionPorts & TokensReplyOptions

const body = z
  .strictObject({ refreshToken: refreshTokenField })
  .meta({ id: 'RefreshRequest', examples: [{ refreshToken: placeholder.refreshToken }] })

/** POST /refresh: exchanges a refresh token for its successor and a new access token. */
export const refreshRoute: FastifyPluginAsyncZod<RefreshOptions> = async (app, options) => {
  app.post(
    '/refresh',
    {
      schema: {
        operationId: 'refresh',
        summary: 'Exchange a refresh token for new tokens',
        description: [
          'Refresh tokens are single-use, so always keep the latest. If a response is lost, retry',
          `with the same token within ${refreshGrace} seconds. The same successor is returned,`,
          'unless it was used. Any other reuse means that the token was copied, so the session is',
          'revoked.'
        ].join(' '),
        tags: ['Sessions'],
        body,
        response: { 200: tokensSchema }
      },
      config: {
        problems: problemsOf('invalid-request', ...refreshSessionRefusals)
      }
    },
    async request => {
      const context = requestContext(request)
      return tokensReply(
        options,
        context,
        await refreshSession(options, context, request.body.refreshToken)
      )
    }
  )
}

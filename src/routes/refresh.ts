import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { refreshGrace, refreshSession, type RefreshSessionPorts } from '../domain/refresh-session.ts'
import { callerOf } from '../http/caller-of.ts'
import { exampleRefreshToken, refreshTokenField } from './fields.ts'
import { tokensReply, tokensSchema, type TokensReplyOptions } from './tokens-reply.ts'

export type RefreshOptions = RefreshSessionPorts & TokensReplyOptions

const body = z.strictObject({ refreshToken: refreshTokenField }).meta({ id: 'RefreshRequest', examples: [{ refreshToken: exampleRefreshToken }] })

/** POST /refresh: a refresh token, for the next one and another access token. */
export const refreshRoute: FastifyPluginAsyncZod<RefreshOptions> = async (app, options) => {
  app.post('/refresh', {
    schema: {
      operationId: 'refresh',
      summary: 'Exchange a refresh token for new tokens',
      description: `A refresh token is good once; keep the new one. When the answer was lost, the same token gets the same new one again, within ${refreshGrace} seconds and as long as the new one was not used. Any other use of a used token ends the session: it was copied.`,
      tags: ['Sessions'],
      body,
      response: { 200: tokensSchema }
    },
    config: { problems: ['invalid-request', 'session-ended', 'too-many-attempts', 'database-unavailable'] }
  }, async request => {
    const caller = callerOf(request)
    return tokensReply(options, caller, await refreshSession(options, caller, request.body.refreshToken))
  })
}

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { logOut, type LogOutPorts } from '../domain/log-out.ts'
import { callerOf } from '../http/caller-of.ts'
import { exampleRefreshToken, refreshTokenField } from './fields.ts'

const body = z.strictObject({ refreshToken: refreshTokenField }).meta({ id: 'LogoutRequest', examples: [{ refreshToken: exampleRefreshToken }] })

/** POST /logout: ends a session. */
export const logoutRoute: FastifyPluginAsyncZod<LogOutPorts> = async (app, ports) => {
  app.post('/logout', {
    schema: {
      operationId: 'logout',
      summary: 'End a session',
      description: 'Also answered 204 when the session had ended already, or never was.',
      tags: ['Sessions'],
      body,
      response: { 204: z.null().describe('The session is over.') }
    },
    config: { problems: ['invalid-request', 'too-many-attempts', 'database-unavailable'] }
  }, async (request, answer) => {
    await logOut(ports, callerOf(request), request.body.refreshToken)
    return answer.code(204).send(null)
  })
}

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { logOut, type LogOutPorts } from '../domain/sessions/log-out.ts'
import { requestContext } from '../http/requests/request-context.ts'
import { placeholder, refreshTokenField } from './fields.ts'
import { problemsOf } from './problems-of.ts'

const body = z
  .strictObject({ refreshToken: refreshTokenField })
  .meta({ id: 'LogoutRequest', examples: [{ refreshToken: placeholder.refreshToken }] })

/** POST /logout: ends a session. */
export const logoutRoute: FastifyPluginAsyncZod<LogOutPorts> = async (app, ports) => {
  app.post(
    '/logout',
    {
      schema: {
        operationId: 'logout',
        summary: 'End a session',
        description: 'Returns 204 even when the session has already ended or never existed.',
        tags: ['Sessions'],
        body,
        response: { 204: z.null().describe('The session has ended.') }
      },
      config: { problems: problemsOf('invalid-request') }
    },
    async (request, reply) => {
      await logOut(ports, requestContext(request), request.body.refreshToken)
      return reply.code(204).send(null)
    }
  )
}

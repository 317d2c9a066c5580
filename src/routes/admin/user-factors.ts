import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { FindUserPorts } from '../../domain/admin/find-user.ts'
import { resetFactors, resetFactorsRefusals } from '../../domain/admin/reset-factors.ts'
import { adminProblems, adminRoute, userIdParams } from './admin-route.ts'

/** DELETE /users/{id}/factors: removes the second factors of a user except the phone. */
export const userFactorsRoute: FastifyPluginAsyncZod<FindUserPorts> = async (app, options) => {
  app.delete(
    '/users/:id/factors',
    {
      schema: {
        ...adminRoute,
        operationId: 'resetFactors',
        summary: 'Remove all second factors of a user except the phone',
        params: userIdParams,
        response: { 204: z.null().describe('The user has no other second factor.') }
      },
      config: { problems: adminProblems(...resetFactorsRefusals) }
    },
    async (request, reply) => {
      await resetFactors(options, request.params.id)
      return reply.code(204).send(null)
    }
  )
}

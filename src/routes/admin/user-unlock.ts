import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  unlockAccount,
  unlockAccountRefusals,
  type UnlockAccountPorts
} from '../../domain/admin/unlock-account.ts'
import { adminRequest } from '../../http/hooks/require-api-key.ts'
import { adminProblems, adminRoute, userIdParams } from './admin-route.ts'

/** POST /users/{id}/unlock: resets the lockouts and rate limits of a user. */
export const userUnlockRoute: FastifyPluginAsyncZod<UnlockAccountPorts> = async (app, options) => {
  app.post(
    '/users/:id/unlock',
    {
      schema: {
        ...adminRoute,
        operationId: 'unlockUser',
        summary: 'Reset the lockouts and rate limits of a user',
        description: 'Other instances may refuse the user for another five seconds.',
        params: userIdParams,
        response: { 204: z.null().describe('The lockouts and rate limits have been reset.') }
      },
      config: { problems: adminProblems(...unlockAccountRefusals) }
    },
    async (request, reply) => {
      await unlockAccount(options, adminRequest(request), request.params.id)
      return reply.code(204).send(null)
    }
  )
}

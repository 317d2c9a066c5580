import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  changeUser,
  changeUserRefusals,
  type ChangeUserPorts
} from '../../domain/admin/change-user.ts'
import {
  deleteUser,
  deleteUserRefusals,
  type DeleteUserPorts
} from '../../domain/admin/delete-user.ts'
import { findUser, findUserRefusals } from '../../domain/admin/find-user.ts'
import { adminRequest } from '../../http/hooks/require-api-key.ts'
import { adminProblems, adminRoute, userIdParams } from './admin-route.ts'
import { toUserReply, userSchema } from './managed-user.ts'
import { changeUserBody } from './user-body.ts'

export type UserOptions = ChangeUserPorts & DeleteUserPorts

/** GET, PATCH and DELETE /users/{id}: read, change and delete a user. */
export const userRoute: FastifyPluginAsyncZod<UserOptions> = async (app, options) => {
  app.get(
    '/users/:id',
    {
      schema: {
        ...adminRoute,
        operationId: 'getUser',
        summary: 'Get a user',
        params: userIdParams,
        response: { 200: userSchema }
      },
      config: { problems: adminProblems(...findUserRefusals) }
    },
    async request => toUserReply(await findUser(options, request.params.id), options.clock())
  )

  app.patch(
    '/users/:id',
    {
      schema: {
        ...adminRoute,
        operationId: 'changeUser',
        summary: 'Change a user',
        description:
          "A new password, a new number and `disabled` end the user's sessions and pending " +
          'challenges. A new password or number also unlocks the user. The old number gets a ' +
          'message when another one replaces it. Access tokens stay valid in services that ' +
          'verify them locally, until they expire.',
        params: userIdParams,
        body: changeUserBody,
        response: { 200: userSchema }
      },
      config: { problems: adminProblems(...changeUserRefusals) }
    },
    async request => {
      const { params, body } = request
      const user = await changeUser(options, adminRequest(request), params.id, body)
      return toUserReply(user, options.clock())
    }
  )

  app.delete(
    '/users/:id',
    {
      schema: {
        ...adminRoute,
        operationId: 'deleteUser',
        summary: 'Delete a user with all their data',
        params: userIdParams,
        response: { 204: z.null().describe('The user has been deleted.') }
      },
      config: { problems: adminProblems(...deleteUserRefusals) }
    },
    async (request, reply) => {
      await deleteUser(options, adminRequest(request), request.params.id)
      return reply.code(204).send(null)
    }
  )
}

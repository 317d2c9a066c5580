import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  endSessionsOfUser,
  manageSessionsRefusals,
  sessionsOfUser,
  type ManageSessionsPorts
} from '../../domain/admin/manage-sessions.ts'
import { adminRequest } from '../../http/hooks/require-api-key.ts'
import { adminProblems, adminRoute, userIdParams } from './admin-route.ts'

const sessionsSchema = z
  .object({
    sessions: z.array(
      z.object({
        id: z.string().meta({ description: 'The same as `sid` in its access tokens.' }),
        createdAt: z.iso.datetime().meta({ description: 'When the user logged in.' }),
        lastUsedAt: z.iso.datetime().meta({ description: 'When the session was last refreshed.' }),
        client: z
          .string()
          .nullable()
          .meta({ description: 'The client that logged in, according to its `User-Agent`.' })
      })
    )
  })
  .meta({
    id: 'UserSessions',
    description: "The user's live sessions, the most recently used first.",
    examples: [
      {
        sessions: [
          {
            id: 'q8kPz1xJw3mNfT5vRb2yAg',
            createdAt: '2026-01-31T12:00:00.000Z',
            lastUsedAt: '2026-01-31T13:45:12.345Z',
            client: 'Firefox on Linux'
          }
        ]
      }
    ]
  })

/** GET and DELETE /users/{id}/sessions: list and end the sessions of a user. */
export const userSessionsRoute: FastifyPluginAsyncZod<ManageSessionsPorts> = async (
  app,
  options
) => {
  app.get(
    '/users/:id/sessions',
    {
      schema: {
        ...adminRoute,
        operationId: 'listUserSessions',
        summary: 'List the sessions of a user',
        params: userIdParams,
        response: { 200: sessionsSchema }
      },
      config: { problems: adminProblems(...manageSessionsRefusals) }
    },
    async request => {
      const sessions = await sessionsOfUser(options, request.params.id)
      return {
        sessions: sessions.map(({ id, createdAt, lastUsedAt, client }) => ({
          id,
          createdAt: createdAt.toISOString(),
          lastUsedAt: lastUsedAt.toISOString(),
          client
        }))
      }
    }
  )

  app.delete(
    '/users/:id/sessions',
    {
      schema: {
        ...adminRoute,
        operationId: 'endUserSessions',
        summary: 'End all sessions of a user',
        params: userIdParams,
        response: { 204: z.null().describe('The sessions have ended.') }
      },
      config: { problems: adminProblems(...manageSessionsRefusals) }
    },
    async (request, reply) => {
      await endSessionsOfUser(options, adminRequest(request), request.params.id)
      return reply.code(204).send(null)
    }
  )
}

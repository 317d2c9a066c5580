import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  endOtherSessions,
  endOtherSessionsRefusals,
  endSession,
  endSessionRefusals,
  type EndSessionPorts
} from '../domain/sessions/end-session.ts'
import { listSessions, listSessionsRefusals } from '../domain/sessions/list-sessions.ts'
import { readAccessToken, type AccessTokens } from '../http/tokens/access-tokens.ts'
import { requestContext } from '../http/requests/request-context.ts'
import { problemsOf } from './problems-of.ts'

export type SessionsOptions = EndSessionPorts & { accessTokens: AccessTokens }

const sessionsSchema = z
  .object({
    sessions: z.array(
      z.object({
        id: z.string().meta({ description: 'The same as `sid` in its access tokens.' }),
        createdAt: z.iso.datetime().meta({ description: 'When the user logged in.' }),
        lastUsedAt: z.iso.datetime().meta({
          description:
            'When the session was last refreshed. For the current session, when the access token ' +
            'was issued.'
        }),
        client: z
          .string()
          .nullable()
          .meta({ description: 'The client that logged in, according to its `User-Agent`.' }),
        current: z
          .boolean()
          .meta({ description: 'Whether the access token of the request belongs to this session.' })
      })
    )
  })
  .meta({
    id: 'Sessions',
    description:
      "The user's live sessions. The current session comes first, then the most recently used.",
    examples: [
      {
        sessions: [
          {
            id: 'q8kPz1xJw3mNfT5vRb2yAg',
            createdAt: '2026-01-31T12:00:00.000Z',
            lastUsedAt: '2026-01-31T13:45:12.345Z',
            client: 'Firefox on Linux',
            current: true
          },
          {
            id: 'Zw3mNfT5vRb2yAgq8kPz1x',
            createdAt: '2026-01-31T08:30:00.000Z',
            lastUsedAt: '2026-01-31T08:30:00.000Z',
            client: 'okhttp',
            current: false
          }
        ]
      }
    ]
  })

/** GET /sessions, DELETE /sessions and DELETE /sessions/{id}: list and end a user's sessions. */
export const sessionsRoute: FastifyPluginAsyncZod<SessionsOptions> = async (
  app,
  { accessTokens, ...ports }
) => {
  app.get(
    '/sessions',
    {
      schema: {
        operationId: 'listSessions',
        summary: "List the user's sessions",
        tags: ['Sessions'],
        security: [{ accessToken: [] }],
        response: { 200: sessionsSchema }
      },
      config: { problems: problemsOf(...listSessionsRefusals) }
    },
    async request => {
      const requester = readAccessToken(accessTokens, request)
      const sessions = await listSessions(
        ports,
        requestContext(request),
        { id: requester.sid, userId: requester.sub },
        new Date(requester.iat * 1000)
      )
      return {
        sessions: sessions.map(({ id, createdAt, lastUsedAt, client }) => ({
          id,
          createdAt: createdAt.toISOString(),
          lastUsedAt: lastUsedAt.toISOString(),
          client,
          current: id === requester.sid
        }))
      }
    }
  )

  app.delete(
    '/sessions/:id',
    {
      schema: {
        operationId: 'endSession',
        summary: "End one of the user's sessions",
        description: 'This may be the current session.',
        tags: ['Sessions'],
        security: [{ accessToken: [] }],
        params: z.object({ id: z.string().meta({ description: 'The `id` from GET /sessions.' }) }),
        response: { 204: z.null().describe('The session has ended.') }
      },
      config: {
        problems: problemsOf(...endSessionRefusals)
      }
    },
    async (request, reply) => {
      const { sub, sid } = readAccessToken(accessTokens, request)
      await endSession(ports, requestContext(request), { id: sid, userId: sub }, request.params.id)
      return reply.code(204).send(null)
    }
  )

  app.delete(
    '/sessions',
    {
      schema: {
        operationId: 'endOtherSessions',
        summary: "End all of the user's sessions except the current one",
        tags: ['Sessions'],
        security: [{ accessToken: [] }],
        response: { 204: z.null().describe('The other sessions have ended.') }
      },
      config: { problems: problemsOf(...endOtherSessionsRefusals) }
    },
    async (request, reply) => {
      const { sub, sid } = readAccessToken(accessTokens, request)
      await endOtherSessions(ports, requestContext(request), { id: sid, userId: sub })
      return reply.code(204).send(null)
    }
  )
}

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { endOtherSessions, endSession, type EndSessionPorts } from '../domain/end-session.ts'
import { listSessions } from '../domain/list-sessions.ts'
import type { AccessTokens } from '../http/access-tokens.ts'
import { callerOf } from '../http/caller-of.ts'

export type SessionsOptions = EndSessionPorts & { accessTokens: AccessTokens }

const reply = z.object({
  sessions: z.array(z.object({
    id: z.string().meta({ description: 'The same as `sid` in its access tokens.' }),
    createdAt: z.iso.datetime().meta({ description: 'When the person logged in.' }),
    lastUsedAt: z.iso.datetime().meta({ description: 'When it was last refreshed; of the session that asks, when its access token was issued.' }),
    client: z.string().nullable().meta({ description: 'What logged in, as far as its `User-Agent` told.' }),
    current: z.boolean().meta({ description: 'Whether this is the session that asks.' })
  }))
}).meta({
  id: 'Sessions',
  description: 'Where the person is logged in: the session that asks first, then the latest used first.',
  examples: [{
    sessions: [
      { id: 'q8kPz1xJw3mNfT5vRb2yAg', createdAt: '2026-01-31T12:00:00.000Z', lastUsedAt: '2026-01-31T13:45:12.345Z', client: 'Firefox on Linux', current: true },
      { id: 'Zw3mNfT5vRb2yAgq8kPz1x', createdAt: '2026-01-31T08:30:00.000Z', lastUsedAt: '2026-01-31T08:30:00.000Z', client: 'okhttp', current: false }
    ]
  }]
})

/** GET /sessions, DELETE /sessions and DELETE /sessions/{id}: where a person is logged in, and how to end it. */
export const sessionsRoute: FastifyPluginAsyncZod<SessionsOptions> = async (app, { accessTokens, ...ports }) => {
  app.get('/sessions', {
    schema: {
      operationId: 'listSessions',
      summary: 'List the person\'s sessions',
      tags: ['Sessions'],
      security: [{ accessToken: [] }],
      response: { 200: reply }
    },
    config: { problems: ['invalid-token', 'database-unavailable'] }
  }, async request => {
    const asker = accessTokens.read(request.headers.authorization)
    const sessions = await listSessions(ports, { id: asker.sid, userId: asker.sub }, new Date(asker.iat * 1000))
    return {
      sessions: sessions.map(({ id, createdAt, lastUsedAt, client }) =>
        ({ id, createdAt: createdAt.toISOString(), lastUsedAt: lastUsedAt.toISOString(), client, current: id === asker.sid }))
    }
  })

  app.delete('/sessions/:id', {
    schema: {
      operationId: 'endSession',
      summary: 'End one of the person\'s sessions',
      description: 'Also the one that asks.',
      tags: ['Sessions'],
      security: [{ accessToken: [] }],
      params: z.object({ id: z.string().meta({ description: 'As GET /sessions lists it.' }) }),
      response: { 204: z.null().describe('The session is over.') }
    },
    config: { problems: ['invalid-token', 'not-found', 'database-unavailable'] }
  }, async (request, answer) => {
    const { sub, sid } = accessTokens.read(request.headers.authorization)
    await endSession(ports, callerOf(request), { id: sid, userId: sub }, request.params.id)
    return answer.code(204).send(null)
  })

  app.delete('/sessions', {
    schema: {
      operationId: 'endOtherSessions',
      summary: 'End all of the person\'s sessions but this one',
      tags: ['Sessions'],
      security: [{ accessToken: [] }],
      response: { 204: z.null().describe('The others are over.') }
    },
    config: { problems: ['invalid-token', 'database-unavailable'] }
  }, async (request, answer) => {
    const { sub, sid } = accessTokens.read(request.headers.authorization)
    await endOtherSessions(ports, callerOf(request), { id: sid, userId: sub })
    return answer.code(204).send(null)
  })
}

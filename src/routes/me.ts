import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { RequireLiveSessionPorts } from '../domain/require-live-session.ts'
import { whoAmI } from '../domain/who-am-i.ts'
import type { AccessTokens } from '../http/access-tokens.ts'

export type MeOptions = RequireLiveSessionPorts & { accessTokens: AccessTokens }

const reply = z.object({
  id: z.uuid().meta({ description: 'The same as `sub` in the access token.' }),
  username: z.string(),
  phone: z.string().nullable().meta({ description: 'The number on file, masked.' }),
  sessionId: z.string().meta({ description: 'The same as `sid` in the access token.' }),
  authenticatedAt: z.iso.datetime().meta({ description: 'When the password and the code were checked.' })
}).meta({
  id: 'Me',
  description: 'The person whose access token this is.',
  examples: [{
    id: '0f8fad5b-d9cb-469f-a165-70867728950e',
    username: 'ada',
    phone: '+1•••••••06',
    sessionId: 'q8kPz1xJw3mNfT5vRb2yAg',
    authenticatedAt: '2026-01-31T12:00:00.000Z'
  }]
})

/** GET /me: whose token this is. */
export const meRoute: FastifyPluginAsyncZod<MeOptions> = async (app, { accessTokens, ...ports }) => {
  app.get('/me', {
    schema: {
      operationId: 'me',
      summary: 'Tell whose access token this is',
      description: 'Refused as soon as its session has ended; another service knows that only when the token expires.',
      tags: ['Tokens'],
      security: [{ accessToken: [] }],
      response: { 200: reply }
    },
    config: { problems: ['invalid-token', 'database-unavailable'] }
  }, async request => {
    const { sub, sid, auth_time: authTime } = accessTokens.read(request.headers.authorization)
    return { ...await whoAmI(ports, { id: sid, userId: sub }), sessionId: sid, authenticatedAt: new Date(authTime * 1000).toISOString() }
  })
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { AdminRequest } from '../../domain/admin/admin-request.ts'
import { apiKeyId, matchingHash } from '../../domain/admin/api-keys.ts'
import type { Actor, Events } from '../../domain/events.ts'
import { Refusal } from '../../domain/refusal.ts'
import { bearerToken } from '../requests/bearer-token.ts'
import { requestContext } from '../requests/request-context.ts'

const actors = new WeakMap<FastifyRequest, Actor>()

/**
 * Rejects a request whose API key has none of these hashes with `invalid-token`. It runs before the
 * route is looked at and the body is read, so a flood of such requests causes no SQL statement.
 */
export const requireApiKey = (hashes: readonly Buffer[]) => async (request: FastifyRequest) => {
  const { authorization } = request.headers
  if (authorization === undefined) throw new Refusal('invalid-token', { reason: 'api-key-missing' })
  const key = bearerToken(authorization)
  if (key === undefined) throw new Refusal('invalid-token', { reason: 'api-key-malformed' })
  const hash = matchingHash(hashes, key)
  if (hash === undefined) throw new Refusal('invalid-token', { reason: 'api-key-unknown' })
  actors.set(request, `key:${apiKeyId(hash)}`)
  const { data: path } = pathOfUser.safeParse(request.params)
  requestContext(request).userId = path?.id.toLowerCase() ?? null
}

/** A request that `requireApiKey` has let through, for the use cases. */
export function adminRequest(request: FastifyRequest): AdminRequest {
  const actor = actors.get(request)
  if (actor === undefined) throw new Error('the request has not passed requireApiKey')
  return { context: requestContext(request), actor }
}

/** Records each response to a request with a valid API key. */
export const recordAdminRequest =
  (events: Events) => async (request: FastifyRequest, reply: FastifyReply) => {
    const actor = actors.get(request)
    if (actor === undefined) return
    const context = requestContext(request)
    events.record({
      name: 'admin.requested',
      context,
      actor,
      method: request.method,
      route: request.routeOptions.url ?? 'none',
      userId: context.userId,
      status: reply.statusCode
    })
  }

/** Any other id in a path may be a username or a phone number. */
const pathOfUser = z.object({ id: z.uuid() })

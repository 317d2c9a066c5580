import type { FastifyReply, FastifyRequest } from 'fastify'
import { requestContext } from '../requests/request-context.ts'

/**
 * Logs one line per response. Bodies, headers and query strings are not logged because they contain
 * secrets.
 */
export async function logRequest(request: FastifyRequest, reply: FastifyReply) {
  request.log.info(
    {
      method: request.method,
      route: request.routeOptions.url ?? 'none',
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      ip: requestContext(request).address
    },
    'request completed'
  )
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import { requestContext } from '../requests/request-context.ts'

// Load balancers and Prometheus send these every few seconds.
const probes = new Set(['/livez', '/readyz', '/metrics'])

/**
 * Logs one line per response, of a health probe at debug. Bodies, headers and query strings are not
 * logged because they contain secrets.
 */
export async function logRequest(request: FastifyRequest, reply: FastifyReply) {
  const route = request.routeOptions.url ?? 'none'
  request.log[probes.has(route) ? 'debug' : 'info'](
    {
      method: request.method,
      route,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      ip: requestContext(request).address
    },
    'request completed'
  )
}

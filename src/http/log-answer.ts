import type { FastifyReply, FastifyRequest } from 'fastify'
import { callerOf } from './caller-of.ts'

/** One line for each answer. Neither bodies nor headers nor query strings are logged: that is where the secrets are. */
export async function logAnswer (request: FastifyRequest, reply: FastifyReply) {
  request.log.info({
    method: request.method,
    route: request.routeOptions.url ?? 'none',
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime),
    ip: callerOf(request).address
  }, 'answered')
}

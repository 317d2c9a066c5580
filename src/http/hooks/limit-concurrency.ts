import type { RouteOptions } from 'fastify'
import type { SessionRequestLimiter } from '../../domain/rate-limits/limit-session-requests.ts'

/**
 * A hook for `onRoute`: runs the handlers of all routes in `run`, so that a bounded number of them
 * use the database and the password-hashing queue at the same time.
 */
export const limitConcurrency = (run: SessionRequestLimiter['run']) => (route: RouteOptions) => {
  const { handler } = route
  route.handler = function (request, reply) {
    return run(async () => handler.call(this, request, reply))
  }
}

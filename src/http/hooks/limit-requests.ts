import type { FastifyError, FastifyRequest } from 'fastify'
import type { Clock } from '../../domain/clock.ts'
import type { RateLimits } from '../../domain/rate-limits/rate-limit.ts'
import { Refusal } from '../../domain/refusal.ts'
import { perNetwork, requestLimit } from '../../domain/request-context.ts'
import { isForeign } from '../requests/is-foreign.ts'
import { takesBody } from '../requests/takes-body.ts'
import { requestContext } from '../requests/request-context.ts'

/**
 * The routes without this limit: reads of a challenge have that of other reads, and a callback
 * without a valid signature uses no statement.
 */
const unlimited = new Set(['/challenge', '/twilio/status/:id'])

/**
 * Attaches the rate limit on POST requests, and on others with a body, per client network and
 * minute. The use case consumes it in its first statement; `consumeOnFailure` does if the request
 * fails earlier. Cross-site requests (see `isForeign`) have a limit of their own, because any
 * website can make the browsers of its visitors send them.
 */
export const limitRequests =
  (perMinute: number, corsOrigins: readonly string[]) => async (request: FastifyRequest) => {
    if (perMinute === 0 || (request.method !== 'POST' && !takesBody(request))) return
    if (unlimited.has(request.routeOptions.url ?? '')) return
    const context = requestContext(request)
    const sender = isForeign(request, corsOrigins) ? { sentBy: 'another site' } : {}
    const limits = perNetwork(context, network => ({
      name: 'requests',
      key: { network, ...sender },
      max: perMinute,
      windowSeconds: 60
    }))
    context.requestLimit = requestLimit(
      limits.map(limit => ({ do: 'consume', limit, evenIfRefused: true }))
    )
  }

/**
 * Consumes the limit of a request that failed with `error` before a use case did. Resolves to the
 * error to report: that one, `too-many-attempts`, or a failure of the database.
 */
export async function consumeOnFailure(
  { rateLimits, clock }: { rateLimits: RateLimits; clock: Clock },
  request: FastifyRequest,
  error: FastifyError | Refusal
): Promise<FastifyError | Refusal> {
  // A request rejected by load shedding must not cause a statement, and a database that has just
  // failed should not get another one.
  const isFree = error instanceof Refusal ? error.slug === 'busy' : (error.statusCode ?? 500) >= 500
  if (isFree) return error
  try {
    await rateLimits.apply(requestContext(request).requestLimit.take(), clock())
    return error
  } catch (failure) {
    return failure as FastifyError | Refusal // A database error has the same fields that are read.
  }
}

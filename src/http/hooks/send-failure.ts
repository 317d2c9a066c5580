import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { Ports } from '../../domain/ports.ts'
import { Refusal } from '../../domain/refusal.ts'
import { consumeOnFailure } from './limit-requests.ts'
import { recordRefusal } from './record-refusal.ts'
import { requestContext } from '../requests/request-context.ts'
import { sendProblem } from '../problems/send-problem.ts'

export type SendFailurePorts = Pick<
  Ports,
  'rateLimits' | 'events' | 'clock' | 'outageOf' | 'databaseFailed'
>

/**
 * Fastify's error handler. Counts failed requests, records why they were refused, and answers
 * database outages with a problem of their own.
 */
export const sendFailure =
  (ports: SendFailurePorts, settings: { production: boolean }) =>
  async (failure: FastifyError | Refusal, request: FastifyRequest, reply: FastifyReply) => {
    const error = await consumeOnFailure(ports, request, failure)
    if (error instanceof Refusal) recordRefusal(ports.events, requestContext(request), error)
    const outage = ports.outageOf(error instanceof Refusal ? error.cause : error)
    if (outage === undefined) return sendProblem(error, request, reply, settings)
    request.log.error(outage.facts, outage.message)
    ports.databaseFailed(outage.facts.reason)
    if (!(error instanceof Refusal)) {
      // Without a free connection the cause is our own load, not the database.
      const isOverload = outage.facts.reason === 'busy'
      const refusal = new Refusal(isOverload ? 'busy' : 'database-unavailable')
      recordRefusal(ports.events, requestContext(request), refusal)
      return sendProblem(refusal, request, reply, settings)
    }
    // The caller gets the refusal even though the database failed after it. The failure has been
    // logged, and must not be logged again as the cause.
    error.cause = undefined
    return sendProblem(error, request, reply, settings)
  }

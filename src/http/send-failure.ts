import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from '../domain/refusal.ts'
import type { SpendPorts } from '../domain/spend.ts'
import { chargeFailed } from './limit-requests.ts'
import { sendProblem } from './send-problem.ts'

/** What an operator should read when what failed is the database and not the program; undefined for any other error. */
export type OutageOf = (error: unknown) => { facts: object, message: string } | undefined

/**
 * Fastify's error handler for an application on a database: failed requests count as well, and an outage has its own answer, and
 * a line on what to do.
 */
export const sendFailure = (ports: SpendPorts & { outageOf: OutageOf }) => async (failure: FastifyError | Refusal, request: FastifyRequest, reply: FastifyReply) => {
  const error = await chargeFailed(ports, request, failure)
  const outage = ports.outageOf(error instanceof Refusal ? error.cause : error)
  if (outage === undefined) return sendProblem(error, request, reply)
  request.log.error(outage.facts, outage.message)
  // A refusal is told as it is, also where the database failed after it. Its cause has just been logged.
  return sendProblem(error instanceof Refusal ? new Refusal(error.slug, error.facts) : new Refusal('database-unavailable'), request, reply)
}

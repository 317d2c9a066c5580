import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendInvalid, sendNotFound } from './send-problem.ts'

/** Before any route: no answer may be stored unless its route says so, and a request names its host (RFC 9112 §3.2). */
export async function firstLook (request: FastifyRequest, reply: FastifyReply) {
  reply.header('cache-control', 'no-store')
  if (request.headers.host === undefined && request.raw.httpVersion === '1.1') return sendInvalid(request, reply, 'The Host header is missing.')
  // Before its body is looked at, which then doesn't matter.
  if (request.is404) return sendNotFound(request, reply)
}

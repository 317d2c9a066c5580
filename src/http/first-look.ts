import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendInvalid, sendNotFound } from './send-problem.ts'

/** Before any route: refuses what names no host (RFC 9112 §3.2), and what no route is for. */
export async function firstLook (request: FastifyRequest, reply: FastifyReply) {
  if (request.headers.host === undefined && request.raw.httpVersion === '1.1') return sendInvalid(request, reply, 'The Host header is missing.')
  // Before its body is looked at, which then doesn't matter.
  if (request.is404) return sendNotFound(request, reply)
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendNotFound } from '../problems/send-problem.ts'

/** Rejects a request that matches no route, before its body is read. */
export async function requireRoute(request: FastifyRequest, reply: FastifyReply) {
  if (request.is404) return sendNotFound(request, reply)
}

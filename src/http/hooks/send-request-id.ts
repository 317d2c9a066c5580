import type { FastifyReply, FastifyRequest } from 'fastify'

/** Tells the caller the id of the request. Register it before every hook that may respond. */
export async function sendRequestId({ id }: FastifyRequest, reply: FastifyReply) {
  reply.header('x-request-id', id)
}

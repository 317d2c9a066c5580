import type { FastifyReply } from 'fastify'

/**
 * Returns a signal that is aborted when the client disconnects before the response is sent.
 * Fastify's `request.signal` can't be used. It is aborted as soon as the request has been read,
 * although the client is still connected.
 */
export function abortOnDisconnect(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort()
  })
  if (reply.raw.destroyed) controller.abort()
  return controller.signal
}

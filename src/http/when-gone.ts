import type { FastifyReply } from 'fastify'

/**
 * Aborted when the client hangs up before it has its answer. Fastify's own `request.signal` is not for this: it is aborted
 * when a request has been read to its end, with the client still there.
 */
export function whenGone (reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => { if (!reply.raw.writableFinished) gone.abort() })
  if (reply.raw.destroyed) gone.abort()
  return gone.signal
}

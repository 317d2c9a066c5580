import Fastify, { type FastifyBaseLogger } from 'fastify'
import { guardConnections } from './guard-connections.ts'
import { logRequest } from '../hooks/log-request.ts'
import { requireHost } from '../hooks/require-host.ts'
import { sendRequestId } from '../hooks/send-request-id.ts'
import { serverOptions } from './server-options.ts'

/**
 * GET /metrics on a separate port, so that a reverse proxy can't expose it by accident. Closing the
 * server closes every connection, so no client can delay the shutdown.
 */
export function createMetricsServer(
  { text, contentType }: { text: () => Promise<string>; contentType: string },
  log: FastifyBaseLogger
) {
  const server = Fastify({ ...serverOptions, forceCloseConnections: true, loggerInstance: log })
  guardConnections(server.server)
  server.addHook('onRequest', sendRequestId)
  server.addHook('onRequest', requireHost)
  server.addHook('onResponse', logRequest)
  server.get('/metrics', async (_request, reply) => reply.type(contentType).send(await text()))
  return server
}

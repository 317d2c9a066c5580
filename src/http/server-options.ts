import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { LogController, type FastifyBaseLogger, type FastifyHttpOptions } from 'fastify'
import type { ProblemSlug } from './problem-kinds.ts'
import { problem } from './problem.ts'
import { securityHeaders } from './security-headers.ts'
import { sendProblem } from './send-problem.ts'
import type { Server } from 'node:http'

/** How the server treats connections and requests before any route sees them. Times in milliseconds. */
export const serverOptions = {
  bodyLimit: 16 * 1024,
  // A request must be here, whole, within this time; a connection may stay idle for longer than a load balancer keeps it.
  requestTimeout: 10_000,
  keepAliveTimeout: 72_000,
  // A request without Host is refused by our own answer, not by Node's.
  http: { headersTimeout: 10_000, connectionsCheckingInterval: 1_000, requireHostHeader: false },
  genReqId: () => randomUUID(),
  logController: new LogController({ disableRequestLogging: true }),
  // Shutting down, a request that still comes in on an open connection is answered like any other.
  return503OnClosing: false,
  frameworkErrors: (error, request, reply) => { sendProblem(error, request, reply.headers(securityHeaders)) },
  clientErrorHandler (this, error, socket) { refuse(socket, reasons[error.code ?? ''] ?? 'invalid-request') }
} satisfies FastifyHttpOptions<Server, FastifyBaseLogger>

const reasons: Record<string, ProblemSlug> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout'
}

/** Answers what isn't HTTP enough for a request to come of it. */
function refuse (socket: Socket, slug: ProblemSlug) {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const told = problem(slug, randomUUID(), slug === 'invalid-request' ? { detail: 'This is not valid HTTP.' } : {})
  const body = JSON.stringify(told)
  socket.end([
    `HTTP/1.1 ${told.status} ${told.title}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(securityHeaders).map(([name, value]) => `${name}: ${value}`),
    'connection: close',
    '',
    body
  ].join('\r\n'), () => socket.destroy())
  // Ended is not closed: a client that neither reads nor ends its side would keep the connection for good.
  socket.setTimeout(1000, () => socket.destroy())
}

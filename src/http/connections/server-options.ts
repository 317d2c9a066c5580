import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { LogController, type FastifyBaseLogger, type FastifyHttpOptions } from 'fastify'
import type { ProblemSlug } from '../problems/problem-kinds.ts'
import { problem } from '../problems/problem.ts'
import { securityHeaders } from '../hooks/security-headers.ts'
import { sendProblem } from '../problems/send-problem.ts'
import { createRequestLog } from '../requests/create-request-log.ts'
import { requestIdOf } from '../requests/request-id.ts'
import type { Server } from 'node:http'

/** Server options for connections and requests before they reach a route. Milliseconds. */
export const serverOptions = {
  bodyLimit: 16 * 1024,
  // The complete request must arrive within this time.
  requestTimeout: 10_000,
  // `requireHost` rejects a request without Host, with a problem document instead of Node's reply.
  http: { headersTimeout: 10_000, connectionsCheckingInterval: 1_000, requireHostHeader: false },
  genReqId: requestIdOf,
  childLoggerFactory: createRequestLog,
  logController: new LogController({ disableRequestLogging: true }),
  // During shutdown, requests on open connections are still served.
  return503OnClosing: false,
  frameworkErrors: (error, request, reply) => {
    reply.headers({ ...securityHeaders, 'x-request-id': request.id })
    sendProblem(error, request, reply)
  },
  clientErrorHandler(this, error, socket) {
    sendRawProblem(socket, reasons[error.code ?? ''] ?? 'invalid-request')
  }
} satisfies FastifyHttpOptions<Server, FastifyBaseLogger>

const reasons: Record<string, ProblemSlug> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout'
}

/** Sends a problem for bytes that Node could not parse into a request. */
function sendRawProblem(socket: Socket, slug: ProblemSlug) {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const content = problem(
    slug,
    randomUUID(),
    slug === 'invalid-request' ? { detail: 'The request is not valid HTTP.' } : {}
  )
  const body = JSON.stringify(content)
  socket.end(
    [
      `HTTP/1.1 ${content.status} ${content.title}`,
      'content-type: application/problem+json',
      `content-length: ${Buffer.byteLength(body)}`,
      `x-request-id: ${content.instance}`,
      ...Object.entries(securityHeaders).map(([name, value]) => `${name}: ${value}`),
      'connection: close',
      '',
      body
    ].join('\r\n'),
    () => socket.destroy()
  )
  // A client that neither reads nor closes its side would otherwise keep the connection open.
  socket.setTimeout(1000, () => socket.destroy())
}

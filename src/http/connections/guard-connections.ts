import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { networksOf } from '../requests/request-context.ts'
import { isTrustedProxy } from '../requests/forwarded-address.ts'

/** Requests of one connection that are handled at the same time; the others stay unparsed. */
const maxInFlight = 8

/**
 * Bytes passed to the HTTP parser at a time. The shortest request has 18 bytes, and the parser
 * emits all requests of a piece at once.
 */
const pieceLength = 512

/** Milliseconds after which a client that does not read its responses is disconnected. */
const stalledAfter = 15_000

const maxConnections = 4096
/** A load test, or the shared address of a carrier, opens hundreds. */
const maxConnectionsPerNetwork = 1024

/**
 * Limits the connections and pipelined requests of one client, and how long it may leave responses
 * unread. The connections of trusted proxies are not limited, because a proxy has many clients.
 */
export function guardConnections(server: Server, trustedProxies: readonly string[] = []) {
  server.maxConnections = maxConnections
  server.timeout = stalledAfter
  limitConnectionsPerNetwork(server, trustedProxies)
  limitPipelining(server)
}

function limitConnectionsPerNetwork(server: Server, trustedProxies: readonly string[]) {
  const isProxy = isTrustedProxy(trustedProxies)
  const open = new Map<string, number>()
  server.on('connection', socket => {
    const { remoteAddress: address } = socket
    if (address === undefined || isProxy(address, 0)) return
    const { network } = networksOf(address)
    const count = open.get(network) ?? 0
    if (count >= maxConnectionsPerNetwork) {
      socket.destroy()
      return
    }
    open.set(network, count + 1)
    socket.once('close', () => {
      const left = (open.get(network) ?? 1) - 1
      if (left === 0) open.delete(network)
      else open.set(network, left)
    })
  })
}

/**
 * Handles a limited number of requests of each connection at a time. Node alone would parse all
 * requests that a client has pipelined, up to thousands in a single read.
 */
function limitPipelining(server: Server) {
  const connections = new WeakMap<Socket, ReturnType<typeof feedInPieces>>()
  server.on('connection', socket => {
    // Node's own listener, which gives the bytes to the parser.
    const [parse, ...others] = socket.listeners('data') as ((bytes: Buffer) => void)[]
    if (parse !== undefined && others.length === 0)
      connections.set(socket, feedInPieces(socket, parse))
  })
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const connection = connections.get(request.socket)
    if (connection === undefined) return
    connection.requestStarted()
    response.once('close', connection.requestFinished)
    // We ignore Upgrade, but Node drops what follows such a request in the same piece. The next
    // piece may begin in the middle of a request, so it must never be parsed.
    if (request.headers.upgrade !== undefined) {
      connection.stopAfter(request)
      response.shouldKeepAlive = false
    }
  })
  // Emitted when no bytes were received or sent for `server.timeout` or the keep-alive timeout.
  server.on('timeout', socket => {
    const isWorking = connections.get(socket)?.isWorking() === true
    // A handler may be slow, but a response that the client does not read only occupies memory.
    if (isWorking && socket.writableLength === 0) socket.setTimeout(stalledAfter)
    else socket.destroy()
  })
}

function feedInPieces(socket: Socket, parse: (bytes: Buffer) => void) {
  let inFlight = 0
  let unparsed: Buffer = Buffer.alloc(0)
  let isHoldingBack = false
  let last: IncomingMessage | undefined

  const feed = () => {
    if (isHoldingBack) {
      isHoldingBack = false
      socket.resume()
    }
    // The parser of a connection that is closed, or about to be, may already serve another
    // connection.
    while (
      unparsed.length > 0 &&
      inFlight < maxInFlight &&
      socket.writable &&
      last?.complete !== true
    ) {
      const piece = unparsed.subarray(0, pieceLength)
      unparsed = unparsed.subarray(pieceLength)
      parse.call(socket, piece)
      // Node has paused the socket because the client does not read its responses. It resumes the
      // socket when the client does.
      if (socket.isPaused()) return
    }
    if (unparsed.length === 0 || !socket.writable) return
    isHoldingBack = true
    socket.pause()
  }

  socket.removeListener('data', parse)
  socket.on('data', (bytes: Buffer) => {
    unparsed = unparsed.length === 0 ? bytes : Buffer.concat([unparsed, bytes])
    if (!isHoldingBack) feed()
  })
  socket.on('resume', () => {
    if (isHoldingBack) socket.pause()
    // The event is asynchronous. If Node has paused the socket again, the parser must not get more
    // bytes.
    else if (unparsed.length > 0 && !socket.isPaused()) feed()
  })
  return {
    requestStarted() {
      inFlight++
    },
    requestFinished() {
      inFlight--
      // Deferred, because the parser may be the caller.
      if (isHoldingBack) setImmediate(() => isHoldingBack && feed())
    },
    /** Stops parsing after this request. */
    stopAfter(request: IncomingMessage) {
      last = request
    },
    isWorking: () => inFlight > 0
  }
}

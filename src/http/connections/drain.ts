import { Server as NetServer, type Server } from 'node:net'
import { setTimeout } from 'node:timers/promises'

/**
 * Stops listening. Resolves when all connections are closed, at the latest after `graceMs`. Idle
 * connections are not closed, because a client may be about to reuse one and its request would be
 * reset. Meanwhile each response should have `Connection: close` (RFC 9112 §9.6).
 */
export async function drain(server: Server, graceMs: number): Promise<void> {
  const drained = new Promise<void>(resolve => {
    // http.Server.close() would close idle connections immediately.
    NetServer.prototype.close.call(server, () => resolve())
  })
  await Promise.race([drained, setTimeout(graceMs, undefined, { ref: false })])
}

import { randomInt } from 'node:crypto'
import { createServer, type AddressInfo } from 'node:net'

/** Ports below those that Linux (32768) and macOS (49152) assign to sockets without a port. */
const unassigned = [10_000, 32_768] as const

/**
 * Returns `port`, or for 0 a free port. Throws an Error of one line if the port or the host can't
 * be used. A server calls this before it opens the database, because the issuer of its tokens
 * contains the port, and because a mistake should not touch the database.
 *
 * Race: a port that the system assigned could go to another process before the server listens.
 * Therefore a free port comes from a range that the system never assigns.
 */
export async function freePort(host: string, port: number): Promise<number> {
  if (port !== 0) return tryPort(host, port)
  for (let attempt = 0; attempt < 100; attempt++)
    try {
      return await tryPort(host, randomInt(...unassigned))
    } catch (error) {
      if (!isInUse(error)) throw error
    }
  return tryPort(host, 0)
}

const tryPort = (host: string, port: number) =>
  new Promise<number>((resolve, reject) => {
    const server = createServer()
    server.once('error', cause =>
      reject(new Error(`HOST and PORT can't be used: ${cause.message}`, { cause }))
    )
    server.listen(port, host, () => {
      const { port } = server.address() as AddressInfo // The address of a TCP server.
      server.close(() => resolve(port))
    })
  })

const isInUse = (error: unknown) =>
  error instanceof Error && (error.cause as NodeJS.ErrnoException).code === 'EADDRINUSE'

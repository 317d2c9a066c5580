import { createServer, type AddressInfo } from 'node:net'

/**
 * Returns `port`, or for 0 a free port. Throws an Error of one line if the port or the host can't
 * be used. A server calls this before it opens the database, because the issuer of its tokens
 * contains the port, and because a mistake should not touch the database.
 */
export function freePort(host: string, port: number) {
  return new Promise<number>((resolve, reject) => {
    const server = createServer()
    server.once('error', error =>
      reject(new Error(`HOST and PORT can't be used: ${error.message}`))
    )
    server.listen(port, host, () => {
      const { port } = server.address() as AddressInfo // The address of a TCP server.
      server.close(() => resolve(port))
    })
  })
}

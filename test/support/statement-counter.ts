import { connect, createServer, type AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** Starts a counter for one test. */
export async function statementCounter(t: Test, serverUrl: string) {
  const counter = await openStatementCounter(serverUrl)
  t.teardown(counter.close)
  return counter
}

/** A proxy to a PostgreSQL server that counts the statements it is asked to execute.
 */
export async function openStatementCounter(serverUrl: string) {
  const { hostname, port } = new URL(serverUrl)
  let statements = 0

  const proxy = createServer(client => {
    const server = connect(Number(port || 5432), hostname)
    let pending = Buffer.alloc(0)
    let greeted = false
    client.on('data', chunk => {
      pending = Buffer.concat([pending, chunk])
      // The first message has no type, the others one byte of it; then comes the length, which
      // counts itself.
      for (let type = greeted ? 1 : 0; pending.length >= type + 4; type = greeted ? 1 : 0) {
        const length = type + pending.readInt32BE(type)
        if (pending.length < length) break
        // Query, or Execute of a prepared one.
        if (greeted && /[QE]/.test(String.fromCharCode(pending[0] ?? 0))) statements++
        greeted = true
        pending = pending.subarray(length)
      }
    })
    client.pipe(server).pipe(client)
    client.on('error', () => server.destroy())
    server.on('error', () => client.destroy())
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))

  const door = new URL(serverUrl)
  door.host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`
  return {
    url: door.href,
    /** Statements since the last call. */
    take() {
      const taken = statements
      statements = 0
      return taken
    },
    /** Stops accepting connections and keeps the open ones. */
    close() {
      proxy.close()
    }
  }
}

import { connect, createServer, type AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** Starts a statement counter that stops at the end of the test. */
export async function startStatementCounter(t: Test, serverUrl: string) {
  const counter = await createStatementCounter(serverUrl)
  t.teardown(counter.close)
  return counter
}

/** Starts a proxy to a PostgreSQL server that counts the executed statements. */
export async function createStatementCounter(serverUrl: string) {
  const { hostname, port } = new URL(serverUrl)
  let statements = 0

  const proxy = createServer(client => {
    const server = connect(Number(port || 5432), hostname)
    let pending = Buffer.alloc(0)
    let started = false
    client.on('data', chunk => {
      pending = Buffer.concat([pending, chunk])
      // Every message but the first begins with its type in one byte. Its length follows, which
      // includes the four bytes of the length itself.
      for (let type = started ? 1 : 0; pending.length >= type + 4; type = started ? 1 : 0) {
        const length = type + pending.readInt32BE(type)
        if (pending.length < length) break
        // Q is Query, and E executes a prepared statement.
        if (started && /[QE]/.test(String.fromCharCode(pending[0] ?? 0))) statements++
        started = true
        pending = pending.subarray(length)
      }
    })
    client.pipe(server).pipe(client)
    client.on('error', () => server.destroy())
    server.on('error', () => client.destroy())
  })
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))

  const url = new URL(serverUrl)
  url.host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`
  return {
    url: url.href,
    /** Returns the number of statements since the last call. */
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

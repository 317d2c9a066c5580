import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/**
 * How one statement is lost: it never reaches the server (`lost`), or the server executes it and
 * the response never comes back (`unacknowledged`). Both close its connection. With `silent`, the
 * statement never reaches the server and both ends stay open, as when a network breaks. With
 * `withheld`, the server executes it and both ends stay open.
 */
export type Loss = 'lost' | 'unacknowledged' | 'silent' | 'withheld'

/**
 * A proxy on loopback in front of a PostgreSQL server that can fail as a network does. It is closed
 * at the end of the test.
 */
export async function startDatabaseProxy(t: Test, serverUrl: string) {
  const target = new URL(serverUrl)
  const sockets = new Set<Socket>()
  let awaited: { pattern: RegExp; loss: Loss } | undefined
  let stalled = false
  let readOnly = false

  const server = createServer(client => {
    const upstream = connect(Number(target.port || 5432), target.hostname)
    let isLost = false
    let isSilent = false
    const statements = new Map<string, string>()
    for (const [from, to] of [
      [client, upstream],
      [upstream, client]
    ] as const) {
      sockets.add(from)
      if (stalled) from.pause()
      from.on('error', () => {}) // It is about to be closed.
      from.on('close', () => {
        sockets.delete(from)
        if (!isSilent) to.destroy()
      })
    }
    client.on('data', bytes => {
      const sent = withStatements(bytes.toString('latin1'), statements)
      const loss = awaited?.pattern.test(sent) ? awaited.loss : undefined
      if (loss !== undefined) awaited = undefined
      isSilent ||= loss === 'silent'
      if (isSilent) return
      isSilent ||= loss === 'withheld'
      isLost ||= loss !== undefined
      if (loss === 'lost') client.destroy()
      else upstream.write(readOnly ? withoutWrites(bytes) : bytes)
    })
    upstream.on('data', bytes => {
      if (isSilent) return
      // ReadyForQuery outside a transaction ends a statement, which is then committed.
      if (!isLost) client.write(bytes)
      else if (bytes.subarray(-6).toString('latin1') === 'Z\0\0\0\x05I') client.destroy()
    })
  })
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  const listen = (port: number) => once(server.listen(port, '127.0.0.1'), 'listening')
  await listen(0)
  const { port } = server.address() as AddressInfo
  t.teardown(() => {
    cut()
    server.close()
  })

  const url = new URL(serverUrl)
  url.host = `127.0.0.1:${port}`
  return {
    url: url.href,
    /** Closes all connections and accepts new ones. */
    cut,
    /** Loses the next statement that matches. */
    lose(pattern: RegExp, loss: Loss) {
      awaited = { pattern, loss }
    },
    /** Whether that statement has not been sent yet. */
    isWaiting: () => awaited !== undefined,
    /** Closes all connections and refuses new ones. */
    async refuse() {
      const closed = once(server, 'close')
      server.close()
      cut()
      await closed
    },
    accept: () => listen(port),
    /** Makes new database sessions read-only or writable. */
    setReadOnly(value: boolean) {
      readOnly = value
    },
    /** Stops all traffic on open and new connections. */
    stall() {
      stalled = true
      for (const socket of sockets) socket.pause()
    },
    resume() {
      stalled = false
      for (const socket of sockets) socket.resume()
    }
  }
}

/** The statement that sets up a session, changed to make it read-only, as on a standby. */
const withoutWrites = (bytes: Buffer) =>
  Buffer.from(
    bytes
      .toString('latin1')
      .replace(
        "('default_transaction_read_only', ARRAY['off'])",
        "('default_transaction_read_only', ARRAY['on'] )"
      ),
    'latin1'
  )

/**
 * A client's message and the SQL of the prepared statements that it names. A client sends that SQL
 * only once (see `createPreparedStatementNames`).
 */
function withStatements(sent: string, statements: Map<string, string>): string {
  for (const [, name = '', sql = ''] of sent.matchAll(/([\w-]{22})\0([^\0]+)\0/g))
    if (/^\s*[A-Z]{4,}(\s|$)/.test(sql)) statements.set(name, sql)
  const named = [...statements].filter(([name]) => sent.includes(name)).map(([, sql]) => sql)
  return [sent, ...named].join('\n')
}

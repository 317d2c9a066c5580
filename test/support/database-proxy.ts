import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** What becomes of one statement: it never reaches the server, or it does and its answer never comes back. */
export type Loss = 'lost' | 'done, but its answer lost'

/** A server's stand-in on loopback that hands everything on to it, and can fail in the ways a network can. Gone with the test. */
export async function startDatabaseProxy (t: Test, serverUrl: string) {
  const target = new URL(serverUrl)
  const sockets = new Set<Socket>()
  let awaited: { pattern: RegExp, loss: Loss } | undefined
  let stalled = false

  const server = createServer(client => {
    const upstream = connect(Number(target.port || 5432), target.hostname)
    let doomed = false
    const texts = new Map<string, string>()
    for (const [from, to] of [[client, upstream], [upstream, client]] as const) {
      sockets.add(from)
      if (stalled) from.pause()
      from.on('error', () => {}) // It is about to be closed.
      from.on('close', () => { sockets.delete(from); to.destroy() })
    }
    client.on('data', bytes => {
      const sent = withTexts(bytes.toString('latin1'), texts)
      const loss = awaited?.pattern.test(sent) ? awaited.loss : undefined
      if (loss !== undefined) awaited = undefined
      doomed ||= loss !== undefined
      if (loss === 'lost') client.destroy()
      else upstream.write(bytes)
    })
    upstream.on('data', bytes => {
      // A server's last word on a statement is ReadyForQuery, outside a transaction: what it did is there to stay.
      if (!doomed) client.write(bytes)
      else if (bytes.subarray(-6).toString('latin1') === 'Z\0\0\0\x05I') client.destroy()
    })
  })
  const cut = () => { for (const socket of sockets) socket.destroy() }
  const listen = (port: number) => once(server.listen(port, '127.0.0.1'), 'listening')
  await listen(0)
  const { port } = server.address() as AddressInfo
  t.teardown(() => { cut(); server.close() })

  const url = new URL(serverUrl)
  url.host = `127.0.0.1:${port}`
  return {
    url: url.href,
    /** Breaks all connections. New ones are made. */
    cut,
    /** The next statement like this suffers this loss, and its connection breaks. */
    lose (pattern: RegExp, loss: Loss) { awaited = { pattern, loss } },
    /** Whether that statement hasn't come yet. */
    isWaiting: () => awaited !== undefined,
    /** Breaks all connections and refuses new ones. */
    async refuse () { const closed = once(server, 'close'); server.close(); cut(); await closed },
    accept: () => listen(port),
    /** From here on not a byte passes, on old connections and new ones. */
    stall () { stalled = true; for (const socket of sockets) socket.pause() },
    flow () { stalled = false; for (const socket of sockets) socket.resume() }
  }
}

/** What is sent, with the text of each statement that goes by its name alone once the connection has prepared it (see `statementNames`). */
function withTexts (sent: string, texts: Map<string, string>): string {
  for (const [, name = '', text = ''] of sent.matchAll(/([\w-]{22})\0([^\0]+)\0/g)) if (/^\s*[A-Z]{4,}\s/.test(text)) texts.set(name, text)
  return [sent, ...[...texts].flatMap(([name, text]) => sent.includes(name) ? [text] : [])].join('\n')
}

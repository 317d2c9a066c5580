import type { Socket } from 'node:net'
import type { PGlite } from '@electric-sql/pglite'

const protocol3 = 196608
const sslRequest = 80877103
const gssRequest = 80877104
const terminate = 0x58
const largestMessage = 16 * 1024 * 1024
const sync = Buffer.from([0x53, 0, 0, 0, 4])
const readyAndIdle = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])

/**
 * Speaks PostgreSQL's protocol to one client of an open PGlite, until the client goes. Never rejects.
 *
 * PGlite has one session for everybody. So a client has it alone from the first message of a query until the server is
 * idle again: else the owner's next query would run inside the client's transaction, or take the place of the statement
 * the client has parsed and not yet run. Nothing of a client's session lasts beyond that. A client that keeps others waiting longer than `patience` milliseconds in the
 * middle of that is cut off, and what it had begun is undone.
 */
export async function serveClient (socket: Socket, postgres: PGlite, patience = 5000): Promise<void> {
  let endTurn: (() => void) | undefined
  let impatience: NodeJS.Timeout | undefined
  try {
    for await (const message of messages(socket)) {
      clearTimeout(impatience)
      endTurn ??= await takeTurn(postgres)
      const reply = await run(postgres, message)
      if (reply.subarray(-readyAndIdle.length).equals(readyAndIdle)) {
        // What a client sets for "its" session would otherwise hold for the owner's queries from now on.
        await run(postgres, query('DISCARD ALL'))
        endTurn()
        endTurn = undefined
      } else impatience = setTimeout(() => socket.destroy(), patience)
      if (reply.length > 0) socket.write(reply)
    }
  } catch {
    // Gone in the middle of something, or no PostgreSQL client: undone below.
  } finally {
    clearTimeout(impatience)
    socket.destroy()
    if (endTurn !== undefined) {
      for (const message of [sync, query('ROLLBACK'), query('DISCARD ALL')]) await run(postgres, message).catch(() => {})
      endTurn()
    }
  }
}

/** Waits until nobody else uses the session; the caller has it until it calls the result. */
const takeTurn = (postgres: PGlite) => new Promise<() => void>(resolve => {
  // Not documented, but what every query and transaction of the owner queues on; runExclusive is a different queue.
  postgres._runExclusiveTransaction(() => new Promise<void>(resolve))
})

async function run (postgres: PGlite, message: Uint8Array): Promise<Buffer> {
  const reply: Buffer[] = []
  // Copied: the bytes are a view into PGlite's memory, gone with the next query.
  await postgres.execProtocolRawStream(message, { onRawData: bytes => { reply.push(Buffer.from(bytes)) } })
  return Buffer.concat(reply)
}

function query (sql: string): Buffer {
  const message = Buffer.from(`Q0000${sql}\0`)
  message.writeInt32BE(message.length - 1, 1)
  return message
}

/** Cuts what the client sends into whole messages. Throws when it isn't PostgreSQL's protocol. */
async function * messages (socket: Socket): AsyncGenerator<Buffer> {
  let pending = Buffer.alloc(0)
  let started = false
  for await (const chunk of socket) {
    pending = Buffer.concat([pending, chunk])
    while (true) {
      // The first message has no type byte before its length.
      const start = started ? 1 : 0
      if (pending.length < start + 4) break
      const length = start + pending.readInt32BE(start)
      if (length < (started ? 5 : 8) || length > largestMessage) throw new Error('not the PostgreSQL protocol')
      if (pending.length < length) break
      const message = pending.subarray(0, length)
      pending = pending.subarray(length)
      if (started) {
        if (message[0] === terminate) return
        yield message
        continue
      }
      const code = message.readInt32BE(4)
      if (code === sslRequest || code === gssRequest) {
        socket.write('N')
        continue
      }
      // A request to cancel comes on a connection of its own; there is nothing here that could be interrupted.
      if (code !== protocol3) return
      started = true
      yield message
    }
  }
}

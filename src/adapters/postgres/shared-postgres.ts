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
 * Serves one client of an open PGlite with PostgreSQL's protocol until the client disconnects.
 * Never rejects.
 *
 * PGlite has only one session. A client locks it from the first message of a query until PGlite is
 * idle again. Otherwise the owner's next query would run inside the client's transaction, or
 * replace a statement that the client has parsed but not run. The session is reset after each query
 * or transaction. A client that pauses longer than `maxIdleMs` inside one is disconnected, and its
 * transaction is rolled back.
 */
export async function serveClient(
  socket: Socket,
  postgres: PGlite,
  maxIdleMs = 5000
): Promise<void> {
  let unlock: (() => void) | undefined
  let idleTimer: NodeJS.Timeout | undefined
  try {
    for await (const message of messages(socket)) {
      clearTimeout(idleTimer)
      unlock ??= await lockSession(postgres)
      const reply = await run(postgres, message)
      if (reply.subarray(-readyAndIdle.length).equals(readyAndIdle)) {
        // Otherwise the client's session settings would apply to the owner's queries.
        await run(postgres, query('DISCARD ALL'))
        unlock()
        unlock = undefined
      } else idleTimer = setTimeout(() => socket.destroy(), maxIdleMs)
      if (reply.length > 0) socket.write(reply)
    }
  } catch {
    // The client disconnected inside a query, or doesn't use PostgreSQL's protocol.
  } finally {
    clearTimeout(idleTimer)
    socket.destroy()
    if (unlock !== undefined) {
      for (const message of [sync, query('ROLLBACK'), query('DISCARD ALL')])
        await run(postgres, message).catch(() => {})
      unlock()
    }
  }
}

/** Waits until the session is free and locks it. Returns the function that unlocks it. */
const lockSession = (postgres: PGlite) =>
  new Promise<() => void>(resolve => {
    // Undocumented, but every query and transaction of the owner waits in this queue. runExclusive
    // has a different queue.
    void postgres._runExclusiveTransaction(() => new Promise<void>(resolve))
  })

async function run(postgres: PGlite, message: Uint8Array): Promise<Buffer> {
  const reply: Buffer[] = []
  // Copied, because the bytes are a view of memory that PGlite's next query overwrites.
  await postgres.execProtocolRawStream(message, {
    onRawData: bytes => {
      reply.push(Buffer.from(bytes))
    }
  })
  return Buffer.concat(reply)
}

function query(sql: string): Buffer {
  const message = Buffer.from(`Q0000${sql}\0`)
  message.writeInt32BE(message.length - 1, 1)
  return message
}

/** Splits the client's bytes into messages. Throws if they aren't PostgreSQL's protocol. */
async function* messages(socket: Socket): AsyncGenerator<Buffer> {
  let pending = Buffer.alloc(0)
  let started = false
  for await (const chunk of socket) {
    pending = Buffer.concat([pending, chunk])
    while (true) {
      // The first message has no type byte before its length.
      const start = started ? 1 : 0
      if (pending.length < start + 4) break
      const length = start + pending.readInt32BE(start)
      if (length < (started ? 5 : 8) || length > largestMessage)
        throw new Error('not the PostgreSQL protocol')
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
      // A cancel request comes on its own connection. PGlite can't interrupt a query.
      if (code !== protocol3) return
      started = true
      yield message
    }
  }
}

import { mkdirSync, realpathSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { PGlite } from '@electric-sql/pglite'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import { lockFolder, socketPath } from './folder-lock.ts'
import type { Postgres } from './postgres.ts'
import { serverPostgres } from './server-postgres.ts'
import { serveClient } from './shared-postgres.ts'

export type FolderOptions = {
  /** When another process has the folder open: work through it (a command) or refuse to start (a server). */
  join?: boolean | undefined
  onError?: ((error: Error) => void) | undefined
}

/**
 * The PostgreSQL kept in `folder`, which is made if missing. Only one process may open a folder, a second one would
 * destroy it; so the first binds a socket before it opens the folder, and others work through that socket.
 * Throws when another process has it open and `join` isn't set.
 */
export async function embeddedPostgres (folder: string, { join = false, onError }: FolderOptions = {}): Promise<Postgres> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // One folder, one name: a second name for it must not be a second lock.
  const realFolder = realpathSync(folder)
  const path = socketPath(realFolder)
  const clients = new Map<Socket, Promise<void>>()
  let opened: Promise<PGlite> | undefined
  let closing = false
  const tryLock = () => lockFolder(path, socket => {
    // A client that resets its connection is its own affair.
    socket.on('error', () => {})
    if (closing) socket.destroy()
    else clients.set(socket, serve(socket).finally(() => clients.delete(socket)))
  })
  let lock = await tryLock()
  if (lock === undefined && join) return sharedPostgres(path, onError)
  // A command may have it, which takes a second or two.
  for (let tries = 0; lock === undefined && tries < 8; tries++) {
    await setTimeout(250)
    lock = await tryLock()
  }
  if (lock === undefined) throw new Error(`another process has ${folder} open: is the server already running?`)

  async function serve (socket: Socket): Promise<void> {
    try {
      // Those who come while the folder is still being opened wait for it.
      const postgres = await opened
      if (postgres !== undefined) await serveClient(socket, postgres)
    } catch {
      // The folder couldn't be opened: whoever opens it is told, the client only sees the connection end.
    } finally {
      socket.destroy()
    }
  }
  async function close (postgres?: PGlite): Promise<void> {
    closing = true
    for (const socket of clients.keys()) socket.destroy()
    await Promise.all(clients.values())
    await postgres?.close()
    // Last: once the socket is gone, another process may open the folder.
    await new Promise(resolve => lock?.close(resolve))
  }

  try {
    opened = PGlite.create(`file://${realFolder}`)
    const postgres = await opened
    return { ...pglitePostgres(postgres), close: () => close(postgres) }
  } catch (error) {
    await close()
    throw error
  }
}

/** An embedded PostgreSQL that is gone with the process. */
export const postgresInMemory = async () => pglitePostgres(await PGlite.create())

/** An open PGlite as a PostgreSQL of ours. */
export function pglitePostgres (postgres: PGlite): Postgres {
  return {
    adapter: new PrismaPGlite(postgres),
    transaction: work => postgres.transaction(async transaction => {
      // The adapter asks for a PGlite and calls only `query` and `exec`, which a transaction has too.
      const connection = await new PrismaPGlite(transaction as unknown as PGlite).connect()
      return work({
        queryRaw: query => connection.queryRaw(query),
        executeRaw: query => connection.executeRaw(query),
        // The adapter's own executeScript doesn't wait: a script that fails would count as done and end the process.
        executeScript: async script => { await transaction.exec(script) }
      })
    }),
    close: () => postgres.close()
  }
}

/** The folder's PostgreSQL through the process that has it open. One connection: it has but one session to share. */
const sharedPostgres = (path: string, onError: ((error: Error) => void) | undefined) => serverPostgres({
  user: 'postgres',
  database: 'postgres',
  ssl: false,
  stream () {
    const socket = connect(path)
    // pg makes paths of its own from `host` and `port`; this socket is on its way to ours already.
    socket.connect = () => socket
    return socket
  }
}, { poolSize: 1, statementTimeout: 0, onError })

import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, realpathSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join as joinPath } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { PGlite } from '@electric-sql/pglite'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import { noDatabase } from './database-name.ts'
import {
  closeEmptyFolder,
  lockFolder,
  requireOwnSocket,
  requirePrivate,
  socketPath
} from './folder-lock.ts'
import type { Postgres } from './postgres.ts'
import { createSharedPostgres } from './server-postgres.ts'
import { serveClient } from './shared-postgres.ts'

export type FolderOptions = {
  /**
   * What to do if another process has the folder open: `true` works through that process (a
   * command), `false` throws an Error (a server).
   */
  join?: boolean | undefined
  /** Creates the folder if it is missing. Default: true without `join`, false with it. */
  create?: boolean | undefined
  onError?: ((error: Error) => void) | undefined
}

/**
 * The embedded database in `folder`. A second process that opened the folder would destroy it.
 * Therefore the first one binds a socket before it opens the folder, and the others work through
 * that socket. Throws an Error if another process has the folder open and `join` isn't set.
 */
export async function createEmbeddedPostgres(
  folder: string,
  { join = false, create = !join, onError }: FolderOptions = {}
): Promise<Postgres> {
  if (create) mkdirSync(folder, { recursive: true, mode: 0o700 })
  // Two names of one folder must lead to the same lock.
  const realFolder = realpathSync(folder)
  if (create) closeEmptyFolder(realFolder)
  requirePrivate(realFolder)
  const path = socketPath(realFolder)
  const clients = shareFolder(realFolder)
  const lock = await lockFolder(path, clients.accept)
  if (lock === undefined && join) return createSharedPostgres(() => connectTo(path), onError)
  const server = lock ?? (await waitForLock(path, clients.accept))
  if (server === undefined)
    throw new Error(`another process has ${folder} open: is the server already running?`)

  const close = async (postgres?: PGlite) => {
    try {
      await clients.close()
      await postgres?.close()
      // Someone may have removed the folder while it was open.
      if (existsSync(realFolder)) restrictFiles(realFolder)
    } finally {
      // Last, because another process may open the folder as soon as the socket is closed.
      await new Promise(resolve => server.close(resolve))
    }
  }

  try {
    if (!create && !existsSync(joinPath(realFolder, 'PG_VERSION')))
      throw noDatabase(`pglite:${folder}`)
    const postgres = await clients.open()
    restrictFiles(realFolder)
    return { ...createPglitePostgres(postgres), close: () => close(postgres) }
  } catch (error) {
    await close()
    throw error
  }
}

/** Tries for two seconds, because a command may have the folder open that long. */
async function waitForLock(path: string, onClient: (socket: Socket) => void) {
  for (let attempt = 0; attempt < 8; attempt++) {
    await setTimeout(250)
    const server = await lockFolder(path, onClient)
    if (server !== undefined) return server
  }
  return undefined
}

/** Opens a folder and lets other processes work through this one. */
function shareFolder(folder: string) {
  const clients = new Map<Socket, Promise<void>>()
  let opened: Promise<PGlite> | undefined
  let closing = false

  async function serve(socket: Socket): Promise<void> {
    try {
      // A client that connects while the folder is being opened waits for it.
      const postgres = await opened
      if (postgres !== undefined) await serveClient(socket, postgres)
    } catch {
      // The folder couldn't be opened. The process that opened it reports why. The client only sees
      // its connection end.
    } finally {
      socket.destroy()
      clients.delete(socket)
    }
  }

  return {
    accept(socket: Socket) {
      // A client that resets its connection must not end this process.
      socket.on('error', () => {})
      if (closing) socket.destroy()
      else clients.set(socket, serve(socket))
    },
    open() {
      // For the files that PGlite creates from now on, and for those of this process.
      process.umask(0o077)
      opened = PGlite.create(`file://${folder}`)
      return opened
    },
    async close() {
      closing = true
      for (const socket of clients.keys()) socket.destroy()
      await Promise.all(clients.values())
    }
  }
}

/** Removes other users' access, because PGlite gives most files mode 0666 despite the umask. */
function restrictFiles(folder: string) {
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = joinPath(folder, entry)
    const mode = lstatSync(path, { throwIfNoEntry: false })?.mode ?? 0
    if ((mode & 0o077) !== 0) chmodSync(path, mode & 0o700)
  }
}

/** An embedded database that is lost when the process ends. */
export const createInMemoryPostgres = async () => createPglitePostgres(await PGlite.create())

/** Adapts an open PGlite. */
export function createPglitePostgres(postgres: PGlite): Postgres {
  return {
    adapter: new PrismaPGlite(postgres),
    transaction: work =>
      postgres.transaction(async transaction => {
        // The adapter declares a PGlite but calls only `query` and `exec`, which a transaction also
        // has.
        const connection = await new PrismaPGlite(transaction as unknown as PGlite).connect()
        return work({
          schemaName: 'public',
          queryRaw: query => connection.queryRaw(query),
          executeRaw: query => connection.executeRaw(query),
          // The adapter's own executeScript doesn't wait. A script that failed would count as done
          // and end the process.
          executeScript: async script => {
            await transaction.exec(script)
          }
        })
      }),
    close: () => postgres.close()
  }
}

function connectTo(path: string): Socket {
  requireOwnSocket(path)
  const socket = connect(path)
  // pg would connect the socket to a path that it builds from `host` and `port`.
  socket.connect = () => socket
  return socket
}

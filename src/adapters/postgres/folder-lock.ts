import { createHash } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync, type Stats } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

// Linux allows 107 bytes, macOS 103. Node silently truncates a longer path, so two folders could
// share one socket.
const longestPath = 103

/**
 * The path of the socket on which a process shares `folder`. The folder must be a real path,
 * because two names of one folder must lead to the same lock.
 */
export function socketPath(folder: string): string {
  const path = `${folder}.sock`
  // Processes in different working directories must get the same path, so a relative path that is
  // short enough is no alternative.
  if (Buffer.byteLength(path) <= longestPath) return path
  // All processes of this user must have the same temporary folder for the lock to work.
  const socketFolder = join(tmpdir(), `sms-login-${process.getuid?.() ?? ''}`)
  mkdirSync(socketFolder, { recursive: true, mode: 0o700 })
  requirePrivate(socketFolder)
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 24)
  return join(socketFolder, `${name}.sock`)
}

/** Sets mode 0700 on an empty folder of this user, as initdb does. */
export function closeEmptyFolder(folder: string) {
  if (isOwn(lstatSync(folder)) && readdirSync(folder).length === 0) chmodSync(folder, 0o700)
}

/**
 * Throws an Error unless the folder belongs to this user and no other user has access. PostgreSQL
 * requires the same of its data directory.
 */
export function requirePrivate(folder: string) {
  const found = lstatSync(folder)
  if (!isOwn(found)) throw new Error(`${folder} must belong to the user that runs this process`)
  if ((found.mode & 0o077) !== 0)
    throw new Error(`${folder} must have mode 0700, so that no other user can read it: chmod 700`)
}

/**
 * Throws an Error if the file at `path` is not a socket or belongs to another user. That user could
 * read and forge all traffic between a command and the database.
 */
export function requireOwnSocket(path: string) {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!isOwn(found))
    throw new Error(`${path} belongs to another user: run this as that user, or remove it`)
  if (!found.isSocket()) throw new Error(`${path} is in the way: it is not a socket`)
}

const isOwn = ({ uid }: Stats) => process.geteuid === undefined || uid === process.geteuid()

/**
 * Binds the socket. Only one process succeeds. It may open the folder, and others connect to it.
 * Returns undefined if another process holds the lock.
 *
 * The kernel releases the socket however a process ends. Only the socket's file can be left behind,
 * and this function removes a stale one. Closing the server releases the lock and removes the file.
 */
export function lockFolder(
  path: string,
  onClient: (socket: Socket) => void
): Promise<Server | undefined> {
  // Race: if two processes find the same stale file, the slower one would delete the new socket of
  // the faster one.
  return oneAtATime(`${path}.starting`, async () => {
    requireOwnSocket(path)
    const server = await bind(path, onClient)
    if (server !== undefined || (await isListening(path))) return server
    rmSync(path, { force: true })
    return bind(path, onClient)
  })
}

/**
 * Runs `work`, which takes milliseconds, while no other process does. Only one process can create
 * the folder `guard`. A process killed meanwhile leaves it behind, so it counts as stale after ten
 * seconds. A race remains: two processes that check a stale folder within the same microseconds may
 * both remove it and continue.
 */
async function oneAtATime<T>(guard: string, work: () => Promise<T>): Promise<T> {
  while (!tryMkdir(guard)) {
    const found = lstatSync(guard, { throwIfNoEntry: false })
    if (found !== undefined && !isOwn(found))
      throw new Error(`${guard} belongs to another user: remove it`)
    const since = found?.mtimeMs
    if (since !== undefined && Date.now() - since > 10_000)
      rmSync(guard, { recursive: true, force: true })
    else await setTimeout(20)
  }
  try {
    return await work()
  } finally {
    rmSync(guard, { recursive: true, force: true })
  }
}

function tryMkdir(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

const bind = (path: string, onClient: (socket: Socket) => void) =>
  new Promise<Server | undefined>((resolve, reject) => {
    const server = createServer(onClient)
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)
    )
    server.once('listening', () => resolve(server))
    // listen() creates the file before it returns, so no other user can ever connect.
    const before = process.umask(0o177)
    try {
      server.listen(path)
    } finally {
      process.umask(before)
    }
  })

/** Whether a process listens on the socket. */
const isListening = (path: string) =>
  new Promise<boolean>(resolve => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    // Any other error, such as a full queue of clients (EAGAIN), may mean that a process listens.
    socket.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT')
    )
  })

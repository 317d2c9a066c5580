import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setTimeout } from 'node:timers/promises'

// Linux allows 107 bytes, macOS 103. Node cuts off what is longer without a word, so two folders could meet in one socket.
const longestPath = 103

/** Where the process that has a folder open can be reached. `folder` is a real path: two names must not give two locks. */
export function socketPath (folder: string): string {
  const path = `${folder}.sock`
  const fromHere = relative(process.cwd(), path)
  const shorter = fromHere.length < path.length ? fromHere : path
  if (Buffer.byteLength(shorter) <= longestPath) return shorter
  // Every process of this user must see the same temporary folder, or the lock doesn't hold.
  const room = join(tmpdir(), `sms-login-${process.getuid?.() ?? ''}`)
  mkdirSync(room, { recursive: true, mode: 0o700 })
  const { uid, mode } = lstatSync(room)
  if (uid !== process.getuid?.() || (mode & 0o077) !== 0) throw new Error(`${room} must belong to this user alone`)
  return join(room, `${createHash('sha256').update(folder).digest('hex').slice(0, 24)}.sock`)
}

/**
 * Binds the socket: the one process that succeeds may open the folder, and others reach it there. Undefined when
 * another process answers. The kernel lets go when a process dies however it dies, so only the file of a lock can be
 * left behind, and that is cleared away here. Closing the server gives the lock back and removes the file.
 */
export function lockFolder (path: string, onClient: (socket: Socket) => void): Promise<Server | undefined> {
  // Of two starts that find the same stale file, the slower one would delete the fresh socket of the faster one.
  return oneAtATime(`${path}.starting`, async () => {
    const server = await bind(path, onClient)
    if (server !== undefined || await answers(path)) return server
    rmSync(path, { force: true })
    return bind(path, onClient)
  })
}

/**
 * Runs `work`, some milliseconds long, while no other process does, by making a folder that only one can make.
 * Killed in just that time, a process leaves the folder behind; after ten seconds it counts as left. Two starts could
 * then both clear it away and go on together, if they also looked in the same microseconds.
 */
async function oneAtATime<T> (guard: string, work: () => Promise<T>): Promise<T> {
  while (!tryMkdir(guard)) {
    const since = statSync(guard, { throwIfNoEntry: false })?.mtimeMs
    if (since !== undefined && Date.now() - since > 10_000) rmSync(guard, { recursive: true, force: true })
    else await setTimeout(20)
  }
  try {
    return await work()
  } finally {
    rmSync(guard, { recursive: true, force: true })
  }
}

function tryMkdir (path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

const bind = (path: string, onClient: (socket: Socket) => void) => new Promise<Server | undefined>((resolve, reject) => {
  const server = createServer(onClient)
  server.once('error', (error: NodeJS.ErrnoException) => error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error))
  server.once('listening', () => resolve(server))
  // listen() makes the file before it returns: nobody else can connect, not even for a moment.
  const before = process.umask(0o177)
  try {
    server.listen(path)
  } finally {
    process.umask(before)
  }
})

/** Whether somebody listens there. */
const answers = (path: string) => new Promise<boolean>(resolve => {
  const socket = connect(path)
  socket.once('connect', () => { socket.destroy(); resolve(true) })
  // A full queue of waiting clients (EAGAIN) is somebody too; when in doubt, keep out.
  socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'))
})

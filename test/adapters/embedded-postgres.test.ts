import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openDatabase } from '../../src/adapters/database.ts'
import { socketPath } from '../../src/adapters/folder-lock.ts'

// Making a folder takes seconds, so it is done once and copied.
const pristine = join(t.testdir(), 'not', 'there', 'yet')
const { close } = await openDatabase(`pglite:${pristine}`)
await close()

function folderOf (t: Test, name = 'data'): string {
  const folder = join(t.testdir(), name)
  cpSync(pristine, folder, { recursive: true })
  return folder
}

const notes = 'SELECT body FROM notes ORDER BY body'

/** Another process that has the folder open. */
async function startOwner (t: Test, folder: string, what = 'stay'): Promise<ChildProcess> {
  const script = new URL('../support/embedded-owner.ts', import.meta.url).pathname
  const owner = spawn(process.execPath, ['--liftoff-only', `--import=${new URL('../support/typescript.mjs', import.meta.url)}`, script, folder, what], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } })
  t.teardown(() => { owner.kill('SIGKILL') })
  const [output] = await once(owner.stdout, 'data')
  t.equal(String(output), 'written\n')
  return owner
}

t.test('a second server is refused, and told which folder is taken', async t => {
  const folder = folderOf(t, 'yet')
  const first = await openDatabase(`pglite:${folder}`)
  await t.rejects(openDatabase(`pglite:${folder}`), { message: `another process has ${folder} open: is the server already running?` })
  await t.rejects(openDatabase(`pglite:${folder}/../yet/`), { message: /^another process has/ }, 'by any name')
  t.equal(statSync(folder).mode & 0o777, 0o700, 'the folder is for this user alone')
  t.equal(statSync(socketPath(folder)).mode & 0o777, 0o600, 'and so is the socket')
  await first.close()
  t.notOk(existsSync(socketPath(folder)), 'no socket is left behind')
  const second = await openDatabase(`pglite:${folder}`)
  await second.close()
})

t.test('commands work through the server while it goes on, and no query gets in the way of another', async t => {
  const folder = folderOf(t)
  const owner = await openDatabase(`pglite:${folder}`)
  const commands = await Promise.all([1, 2, 3].map(() => openDatabase(`pglite:${folder}`, { join: true })))
  const all = [owner, ...commands]
  const [command = owner] = commands
  await owner.prisma.$executeRawUnsafe('CREATE TABLE notes (body text)')
  await Promise.all(all.flatMap(({ prisma }, who) => Array.from({ length: 8 }, async (_, turn) => {
    // Longer than a socket's buffer: others get to run between the parts of a query.
    const text = 'x'.repeat(1_000_000 + turn)
    const [row] = await prisma.$queryRawUnsafe<object[]>(`SELECT $1::int AS who, length($2) AS length, '${who}' AS statement`, who, text)
    t.same(row, { who, length: text.length, statement: String(who) })
    await prisma.$executeRaw`INSERT INTO notes VALUES (${`${who} ${turn}`})`
  })))
  t.same(await command.prisma.$queryRawUnsafe('SELECT count(*)::int AS count FROM notes'), [{ count: 32 }])
  await t.rejects(command.prisma.$queryRawUnsafe('SELECT nonsense').then(rows => rows), /nonsense/)
  t.same(await command.prisma.$queryRawUnsafe('SELECT 1 AS one'), [{ one: 1 }], 'a command survives its own mistake')
  for (const { close } of commands) await close()
  await owner.close()
})

t.test("what the server writes during a command's transaction is not undone with it", async t => {
  const folder = folderOf(t)
  const owner = await openDatabase(`pglite:${folder}`)
  const command = await openDatabase(`pglite:${folder}`, { join: true })
  await owner.prisma.$executeRawUnsafe('CREATE TABLE notes (body text)')
  let written: Promise<number> | undefined
  await t.rejects(command.prisma.$transaction(async transaction => {
    await transaction.$executeRawUnsafe("INSERT INTO notes VALUES ('from the command')")
    written = owner.prisma.$executeRawUnsafe("INSERT INTO notes VALUES ('from the server')").then(count => count)
    await transaction.$queryRawUnsafe('SELECT 1')
    throw new Error('changed its mind')
  }), /changed its mind/)
  t.equal(await written, 1)
  t.same(await owner.prisma.$queryRawUnsafe(notes), [{ body: 'from the server' }])
  await command.close()
  await owner.close()
})

t.test('a server that closes does not wait for a command that is still connected', async t => {
  const folder = folderOf(t)
  const owner = await openDatabase(`pglite:${folder}`)
  const command = await openDatabase(`pglite:${folder}`, { join: true })
  t.same(await command.prisma.$queryRawUnsafe('SELECT 1 AS one'), [{ one: 1 }])
  await owner.close()
  await t.rejects(command.prisma.$queryRawUnsafe('SELECT 1').then(rows => rows), 'and the command is told')
  await command.close()
})

t.test('whatever else connects to the socket is shown out, and the server goes on', async t => {
  const folder = folderOf(t)
  const owner = await openDatabase(`pglite:${folder}`)
  for (const nonsense of ['GET / HTTP/1.1\r\nHost: here\r\n\r\n', Buffer.alloc(64), Buffer.alloc(64, 0xff)]) {
    const socket = connect(socketPath(folder))
    socket.end(nonsense)
    socket.resume()
    await once(socket, 'close')
  }
  t.same(await owner.prisma.$queryRawUnsafe('SELECT 1 AS one'), [{ one: 1 }])
  await owner.close()
})

t.test('what was committed survives kill -9 of the server, and the socket it left behind is no obstacle', async t => {
  const folder = folderOf(t)
  const owner = await startOwner(t, folder)
  await t.rejects(openDatabase(`pglite:${folder}`), { message: /^another process has/ }, 'while it lives it keeps others out')
  const command = await openDatabase(`pglite:${folder}`, { join: true })
  await command.prisma.$executeRawUnsafe("INSERT INTO notes VALUES ('from a command')")
  owner.kill('SIGKILL')
  await once(owner, 'close')
  await command.close()
  t.ok(existsSync(socketPath(folder)), 'the socket file is still there')
  // Three starts find the same stale socket at once.
  const starts = await Promise.allSettled([1, 2, 3].map(() => openDatabase(`pglite:${folder}`)))
  const opened = starts.flatMap(start => start.status === 'fulfilled' ? [start.value] : [])
  t.equal(opened.length, 1, 'one of them has it')
  t.same(await opened[0]?.prisma.$queryRawUnsafe(notes), [{ body: 'from a command' }, { body: 'from the owner' }])
  for (const { close } of opened) await close()
})

t.test('a command opens the folder itself when no server runs', async t => {
  const folder = folderOf(t)
  const command = await openDatabase(`pglite:${folder}`, { join: true })
  t.same(await command.prisma.$queryRawUnsafe('SELECT 1 AS one'), [{ one: 1 }])
  await t.rejects(openDatabase(`pglite:${folder}`), { message: /^another process has/ }, 'under the same lock')
  await command.close()
})

t.test('a process that has closed its database ends by itself', async t => {
  const owner = await startOwner(t, folderOf(t), 'close')
  t.same(await once(owner, 'close'), [0, null])
})

t.test('a folder that can not be made into a database gives its lock back', async t => {
  const folder = join(t.testdir({ data: { PG_VERSION: '9.0\n' } }), 'data')
  await t.rejects(openDatabase(`pglite:${folder}`))
  t.notOk(existsSync(socketPath(folder)))
})

t.test('a folder whose name is too long for a socket is locked all the same', async t => {
  const folder = folderOf(t, 'a'.repeat(120))
  const first = await openDatabase(`pglite:${folder}`)
  await t.rejects(openDatabase(`pglite:${folder}`), { message: /^another process has/ })
  await first.close()
})

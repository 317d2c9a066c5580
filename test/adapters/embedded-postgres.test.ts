import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { connect, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { socketPath } from '../../src/adapters/postgres/folder-lock.ts'

// Creating a database folder takes seconds, so the tests copy one.
const pristine = join(t.testdir(), 'not', 'there', 'yet')
const { close } = await openDatabase(`pglite:${pristine}`)
await close()

function folderOf(t: Test, name = 'data'): string {
  const folder = join(t.testdir(), name)
  cpSync(pristine, folder, { recursive: true })
  return folder
}

const notes = 'SELECT body FROM notes ORDER BY body'

/** Another process that has the folder open. */
async function startOwner(
  t: Test,
  folder: string,
  mode = 'stay',
  cwd = process.cwd()
): Promise<ChildProcess> {
  const script = join(import.meta.dirname, '../support/pglite-owner-process.ts')
  const owner = spawn(
    process.execPath,
    [
      '--liftoff-only',
      `--import=${new URL('../support/typescript.mjs', import.meta.url)}`,
      script,
      folder,
      mode
    ],
    { cwd, stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } }
  )
  t.teardown(() => {
    owner.kill('SIGKILL')
  })
  const [output] = await once(owner.stdout, 'data')
  t.equal(String(output), 'written\n')
  return owner
}

t.test('sharing', async t => {
  t.test('a second server on a folder is refused with the name of the folder', async t => {
    const folder = folderOf(t, 'yet')
    const first = await openDatabase(`pglite:${folder}`)
    await t.rejects(openDatabase(`pglite:${folder}`), {
      message: `another process has ${folder} open: is the server already running?`
    })
    await t.rejects(
      openDatabase(`pglite:${folder}/../yet/`),
      { message: /^another process has/ },
      'under another name of the folder'
    )
    t.equal(statSync(folder).mode & 0o777, 0o700, 'only this user can enter the folder')
    t.equal(statSync(socketPath(folder)).mode & 0o777, 0o600, 'only this user can use the socket')
    await first.close()
    t.notOk(existsSync(socketPath(folder)), 'the socket is removed')
    const second = await openDatabase(`pglite:${folder}`)
    await second.close()
  })

  t.test('concurrent commands and server queries do not interfere', async t => {
    const folder = folderOf(t)
    const owner = await openDatabase(`pglite:${folder}`)
    const commands = await Promise.all(
      [1, 2, 3].map(() => openDatabase(`pglite:${folder}`, { join: true }))
    )
    const all = [owner, ...commands]
    const [command = owner] = commands
    await owner.prisma.$executeRawUnsafe('CREATE TABLE notes (body text)')
    await Promise.all(
      all.flatMap(({ prisma }, client) =>
        Array.from({ length: 8 }, async (_, turn) => {
          // Longer than a socket's buffer, so that other queries run between the parts of this one.
          const text = 'x'.repeat(1_000_000 + turn)
          const [row] = await prisma.$queryRawUnsafe<object[]>(
            `SELECT $1::int AS client, length($2) AS length, '${client}' AS statement`,
            client,
            text
          )
          t.same(row, { client, length: text.length, statement: String(client) })
          await prisma.$executeRaw`INSERT INTO notes VALUES (${`${client} ${turn}`})`
        })
      )
    )
    t.same(await command.prisma.$queryRawUnsafe('SELECT count(*)::int AS count FROM notes'), [
      { count: 32 }
    ])
    await t.rejects(
      command.prisma.$queryRawUnsafe('SELECT nonsense').then(rows => rows),
      /nonsense/
    )
    t.same(
      await command.prisma.$queryRawUnsafe('SELECT 1 AS one'),
      [{ one: 1 }],
      'a command can continue after its own error'
    )
    for (const { close } of commands) await close()
    await owner.close()
  })

  t.test("rolling back a command's transaction keeps what the server wrote meanwhile", async t => {
    const folder = folderOf(t)
    const owner = await openDatabase(`pglite:${folder}`)
    const command = await openDatabase(`pglite:${folder}`, { join: true })
    await owner.prisma.$executeRawUnsafe('CREATE TABLE notes (body text)')
    let written: Promise<number> | undefined
    await t.rejects(
      command.prisma.$transaction(async transaction => {
        await transaction.$executeRawUnsafe("INSERT INTO notes VALUES ('from the command')")
        written = owner.prisma
          .$executeRawUnsafe("INSERT INTO notes VALUES ('from the server')")
          .then(count => count)
        await transaction.$queryRawUnsafe('SELECT 1')
        throw new Error('changed its mind')
      }),
      /changed its mind/
    )
    t.equal(await written, 1)
    t.same(await owner.prisma.$queryRawUnsafe(notes), [{ body: 'from the server' }])
    await command.close()
    await owner.close()
  })

  t.test('a closing server does not wait for a connected command', async t => {
    const folder = folderOf(t)
    const owner = await openDatabase(`pglite:${folder}`)
    const command = await openDatabase(`pglite:${folder}`, { join: true })
    t.same(await command.prisma.$queryRawUnsafe('SELECT 1 AS one'), [{ one: 1 }])
    await owner.close()
    await t.rejects(
      command.prisma.$queryRawUnsafe('SELECT 1').then(rows => rows),
      'the command gets an error'
    )
    await command.close()
  })

  t.test('a foreign client of the socket is disconnected and the server continues', async t => {
    const folder = folderOf(t)
    const owner = await openDatabase(`pglite:${folder}`)
    for (const nonsense of [
      'GET / HTTP/1.1\r\nHost: here\r\n\r\n',
      Buffer.alloc(64),
      Buffer.alloc(64, 0xff)
    ]) {
      const socket = connect(socketPath(folder))
      socket.end(nonsense)
      socket.resume()
      await once(socket, 'close')
    }
    t.same(await owner.prisma.$queryRawUnsafe('SELECT 1 AS one'), [{ one: 1 }])
    await owner.close()
  })

  t.test('a command opens the folder itself when no server runs', async t => {
    const folder = folderOf(t)
    const command = await openDatabase(`pglite:${folder}`, { join: true })
    t.same(await command.prisma.$queryRawUnsafe('SELECT 1 AS one'), [{ one: 1 }])
    await t.rejects(
      openDatabase(`pglite:${folder}`),
      { message: /^another process has/ },
      'the command holds the same lock as a server'
    )
    await command.close()
  })
})

t.test('crash and exit', async t => {
  t.test(
    'committed data survives kill -9, and a leftover socket does not prevent a start',
    async t => {
      const folder = folderOf(t)
      const owner = await startOwner(t, folder)
      await t.rejects(
        openDatabase(`pglite:${folder}`),
        { message: /^another process has/ },
        'a running owner keeps other servers out'
      )
      const command = await openDatabase(`pglite:${folder}`, { join: true })
      await command.prisma.$executeRawUnsafe("INSERT INTO notes VALUES ('from a command')")
      owner.kill('SIGKILL')
      await once(owner, 'close')
      await command.close()
      t.ok(existsSync(socketPath(folder)), 'the socket file is still there')
      // Three starts find the same stale socket at once.
      const starts = await Promise.allSettled([1, 2, 3].map(() => openDatabase(`pglite:${folder}`)))
      const opened = starts.flatMap(start => (start.status === 'fulfilled' ? [start.value] : []))
      t.equal(opened.length, 1, 'only one start succeeds')
      t.same(await opened[0]?.prisma.$queryRawUnsafe(notes), [
        { body: 'from a command' },
        { body: 'from the owner' }
      ])
      for (const { close } of opened) await close()
    }
  )

  t.test('a process that has closed its database ends by itself', async t => {
    const owner = await startOwner(t, folderOf(t), 'close')
    t.same(await once(owner, 'close'), [0, null])
  })

  t.test('a folder that cannot become a database is unlocked again', async t => {
    const folder = join(t.testdir({ data: { PG_VERSION: '9.0\n' } }), 'data')
    chmodSync(folder, 0o700)
    await t.rejects(openDatabase(`pglite:${folder}`))
    t.notOk(existsSync(socketPath(folder)))
  })
})

t.test('files and permissions', async t => {
  t.test('a folder whose name is too long for a socket is locked too', async t => {
    const folder = folderOf(t, 'a'.repeat(120))
    const first = await openDatabase(`pglite:${folder}`)
    await t.rejects(openDatabase(`pglite:${folder}`), { message: /^another process has/ })
    await first.close()
  })

  t.test('such a folder is locked for processes in other working directories', async t => {
    const folder = folderOf(t, join('x'.repeat(60), 'y'.repeat(60), 'data'))
    await startOwner(t, folder, 'stay', dirname(folder))
    await t.rejects(openDatabase(`pglite:${folder}`), { message: /^another process has / })
  })

  t.test('no file or folder of a database is readable by other users', async t => {
    const folder = folderOf(t)
    const exposed = () =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
        path => (statSync(join(folder, path)).mode & 0o077) !== 0
      )
    t.same(exposed(), [], 'in a new folder')
    chmodSync(join(folder, 'PG_VERSION'), 0o666)
    const database = await openDatabase(`pglite:${folder}`)
    t.same(exposed(), [], 'in an existing folder')
    await database.prisma.$executeRawUnsafe('CREATE TABLE notes (body text)')
    await database.close()
    t.same(exposed(), [], 'after new tables')
  })

  t.test('a folder with files that other users can enter is refused', async t => {
    for (const mode of [0o755, 0o770, 0o701, 0o777]) {
      const folder = t.testdir({ PG_VERSION: '18' })
      chmodSync(folder, mode)
      for (const join of [false, true])
        await t.rejects(openDatabase(`pglite:${folder}`, { join }), { message: /mode 0700/ })
      t.same(readdirSync(folder), ['PG_VERSION'])
      t.notOk(existsSync(socketPath(folder)))
    }
  })

  t.test('an empty folder becomes private', async t => {
    const folder = join(t.testdir(), 'data')
    mkdirSync(folder)
    chmodSync(folder, 0o755)
    const database = await openDatabase(`pglite:${folder}`)
    t.equal(statSync(folder).mode & 0o777, 0o700)
    await database.close()
  })

  t.test("a file at the socket's path that is not a socket is kept", async t => {
    const folder = folderOf(t)
    writeFileSync(socketPath(folder), 'precious')
    await t.rejects(openDatabase(`pglite:${folder}`), { message: /is not a socket/ })
    t.equal(readFileSync(socketPath(folder), 'utf8'), 'precious')
  })

  const asRoot = process.geteuid?.() === 0 ? {} : { skip: 'only root can give files away' }

  t.test("another user's folder, socket or guard is refused", asRoot, async t => {
    const folder = folderOf(t)
    const path = socketPath(folder)
    const open = () => [false, true].map(join => openDatabase(`pglite:${folder}`, { join }))
    let connections = 0
    const impostor = createServer(socket => {
      connections++
      socket.destroy()
    }).listen(path)
    await once(impostor, 'listening')
    chownSync(path, 65534, 65534)
    for (const opened of open()) await t.rejects(opened, { message: /belongs to another user/ })
    t.equal(connections, 0, 'no connection was made to it')
    await new Promise(resolve => impostor.close(resolve))

    mkdirSync(`${path}.starting`)
    // It is next to the folder, or in the temporary folder that all tests share.
    t.teardown(() => rmSync(`${path}.starting`, { recursive: true, force: true }))
    chownSync(`${path}.starting`, 65534, 65534)
    for (const opened of open()) await t.rejects(opened, { message: /belongs to another user/ })

    chownSync(folder, 65534, 65534)
    for (const opened of open()) await t.rejects(opened, { message: /must belong to the user/ })
  })
})

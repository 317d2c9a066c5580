import { once } from 'node:events'
import { createServer, connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { databaseOn } from '../../src/adapters/database.ts'
import { socketPath } from '../../src/adapters/folder-lock.ts'
import { serverPostgres } from '../../src/adapters/server-postgres.ts'
import { serveClient } from '../../src/adapters/shared-postgres.ts'
import { inMemory } from '../support/database.ts'

/** An embedded PostgreSQL whose clients have `patience` milliseconds, and a client of it. */
async function share (t: Test, patience?: number) {
  const path = socketPath(join(t.testdir(), 'data'))
  const postgres = await inMemory('empty')
  const served: Promise<void>[] = []
  const server = createServer(socket => { served.push(serveClient(socket, postgres, patience)) }).listen(path)
  await once(server, 'listening')
  const sockets: ReturnType<typeof connect>[] = []
  const client = databaseOn(serverPostgres({
    user: 'postgres',
    database: 'postgres',
    ssl: false,
    stream () {
      const socket = connect(path)
      sockets.push(socket)
      socket.connect = () => socket
      return socket
    }
  }, { poolSize: 1, statementTimeout: 0 }))
  t.teardown(async () => {
    await client.close()
    await new Promise(resolve => server.close(resolve))
    await Promise.all(served)
    await postgres.close()
  })
  await postgres.exec('CREATE TABLE notes (body text)')
  return { postgres, client, sockets }
}

t.test('a client that falls silent inside a transaction is cut off, and what it did is undone', async t => {
  const { postgres, client } = await share(t, 50)
  await t.rejects(client.prisma.$transaction(async transaction => {
    await transaction.$executeRawUnsafe("INSERT INTO notes VALUES ('unfinished')")
    // The owner's query waits for the silent client to be cut off: it is answered, or this test never ends.
    t.same((await postgres.query('SELECT * FROM notes')).rows, [])
  }, { timeout: 60_000 }))
  t.same(await client.prisma.$queryRawUnsafe('SELECT 1 AS one'), [{ one: 1 }], 'and it may come back')
})

t.test('a client that dies inside a transaction leaves nothing behind', async t => {
  const { postgres, client, sockets } = await share(t)
  await t.rejects(client.prisma.$transaction(async transaction => {
    await transaction.$executeRawUnsafe("INSERT INTO notes VALUES ('unfinished')")
    sockets[0]?.destroy()
    t.same((await postgres.query('SELECT * FROM notes')).rows, [])
  }))
})

t.test("a client's settings are not the owner's", async t => {
  const { postgres, client } = await share(t)
  await client.prisma.$executeRawUnsafe('SET search_path = nowhere')
  t.same((await postgres.query('SHOW search_path')).rows, [{ search_path: 'public' }])
})

import { once } from 'node:events'
import { createServer, connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createDatabase } from '../../src/adapters/postgres/database.ts'
import { socketPath } from '../../src/adapters/postgres/folder-lock.ts'
import { createSharedPostgres } from '../../src/adapters/postgres/server-postgres.ts'
import { serveClient } from '../../src/adapters/postgres/shared-postgres.ts'
import { openInMemory } from '../support/database.ts'

/** An embedded database and a client of it, which may pause a transaction for `maxIdleMs`. */
async function share(t: Test, maxIdleMs?: number) {
  const path = socketPath(join(t.testdir(), 'data'))
  const postgres = await openInMemory('empty')
  const connections: Promise<void>[] = []
  const server = createServer(socket => {
    connections.push(serveClient(socket, postgres, maxIdleMs))
  }).listen(path)
  await once(server, 'listening')
  const sockets: ReturnType<typeof connect>[] = []
  const client = createDatabase(
    createSharedPostgres(() => {
      const socket = connect(path)
      sockets.push(socket)
      socket.connect = () => socket
      return socket
    }, undefined)
  )
  t.teardown(async () => {
    await client.close()
    await new Promise(resolve => server.close(resolve))
    await Promise.all(connections)
    await postgres.close()
  })
  await postgres.exec('CREATE TABLE notes (body text)')
  return { postgres, client, sockets }
}

t.test('a client that goes silent in a transaction is disconnected and rolled back', async t => {
  const { postgres, client } = await share(t, 50)
  await t.rejects(
    client.prisma.$transaction(
      async transaction => {
        await transaction.$executeRawUnsafe("INSERT INTO notes VALUES ('unfinished')")
        // The owner's query waits until the silent client is disconnected. Otherwise this test
        // would never end.
        t.same((await postgres.query('SELECT * FROM notes')).rows, [])
      },
      { timeout: 60_000 }
    )
  )
  t.same(
    await client.prisma.$queryRawUnsafe('SELECT 1 AS one'),
    [{ one: 1 }],
    'the client can reconnect'
  )
})

t.test('a client that dies in a transaction leaves nothing behind', async t => {
  const { postgres, client, sockets } = await share(t)
  await t.rejects(
    client.prisma.$transaction(async transaction => {
      await transaction.$executeRawUnsafe("INSERT INTO notes VALUES ('unfinished')")
      sockets[0]?.destroy()
      t.same((await postgres.query('SELECT * FROM notes')).rows, [])
    })
  )
})

t.test("a client's settings do not affect the owner", async t => {
  const { postgres, client } = await share(t)
  await client.prisma.$executeRawUnsafe('SET search_path = nowhere')
  t.same((await postgres.query('SHOW search_path')).rows, [{ search_path: 'public' }])
})

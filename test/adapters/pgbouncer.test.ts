import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { openDatabase } from '../../src/adapters/database.ts'
import { serverUrl, testDatabase } from '../support/database.ts'

/** What PgBouncer lets through of what a client asks for at the start of a connection. It closes the connection for anything else. */
const known = ['user', 'database', 'application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings']

if (serverUrl !== undefined) {
  t.test('behind a PgBouncer nothing is asked of a connection that it would refuse, no statement has a name, and times are right in any time zone', async t => {
    const { prisma, url = '' } = await testDatabase(t)
    await prisma.$executeRawUnsafe(`ALTER DATABASE "${new URL(url).pathname.slice(1)}" SET TimeZone = 'Asia/Kathmandu'`)
    const bouncer = await startBouncer(t, url)
    const { prisma: bounced, close } = await openDatabase(bouncer.url)
    t.teardown(close)
    const createdAt = new Date('2026-03-29T01:30:00.123Z')
    await bounced.user.create({ data: { username: 'Ada', usernameKey: 'ada', passwordDigest: '', createdAt } })
    t.same((await bounced.user.findUniqueOrThrow({ where: { usernameKey: 'ada' } })).createdAt, createdAt)
    t.same(bouncer.refused, [])
    t.same(await bounced.$queryRawUnsafe("SELECT name FROM pg_prepared_statements WHERE name <> ''"), [])
  })
} else {
  t.pass('an embedded database has nothing in front of it')
}

/** A door to the server that reads the first message as a PgBouncer does. */
async function startBouncer (t: Test, serverUrl: string) {
  const target = new URL(serverUrl)
  const refused: string[] = []
  const server = createServer(client => {
    const upstream = connect(Number(target.port || 5432), target.hostname)
    client.once('data', first => {
      // Length and version of the protocol, then names and values, each ended by a NUL.
      const words = first.subarray(8).toString().split('\0')
      const unknown = words.filter((word, i) => i % 2 === 0 && word !== '' && !known.includes(word))
      refused.push(...unknown)
      if (unknown.length > 0) client.destroy()
      else upstream.write(first)
      client.pipe(upstream).pipe(client)
    })
    client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy())
    upstream.on('error', () => client.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const url = new URL(serverUrl)
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  url.searchParams.set('pgbouncer', 'true')
  return { url: url.href, refused }
}

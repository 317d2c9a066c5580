import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { migrate, pendingMigrations } from '../../src/adapters/postgres/migrations.ts'
import { needsServer, createTestDatabase } from '../support/database.ts'
import { production, startProcess } from '../support/start-process.ts'

/** The startup parameters that PgBouncer accepts. It closes the connection for any other. */
const accepted = [
  'user',
  'database',
  'application_name',
  'client_encoding',
  'DateStyle',
  'TimeZone',
  'standard_conforming_strings'
]

t.test(
  'behind PgBouncer no startup parameter or named statement is used and times are correct',
  { skip: needsServer },
  async t => {
    const { prisma, url = '' } = await createTestDatabase(t)
    await prisma.$executeRawUnsafe(
      `ALTER DATABASE "${new URL(url).pathname.slice(1)}" SET TimeZone = 'Asia/Kathmandu'`
    )
    const bouncer = await startBouncer(t, url)
    const { prisma: bounced, close } = await openDatabase(bouncer.url)
    t.teardown(close)
    const createdAt = new Date('2026-03-29T01:30:00.123Z')
    await bounced.user.create({
      data: { username: 'Ada', usernameKey: 'ada', passwordDigest: '', createdAt }
    })
    t.same(
      (await bounced.user.findUniqueOrThrow({ where: { usernameKey: 'ada' } })).createdAt,
      createdAt
    )
    t.same(bouncer.refused, [])
    t.same(
      await bounced.$queryRawUnsafe("SELECT name FROM pg_prepared_statements WHERE name <> ''"),
      []
    )
  }
)

t.test(
  'behind PgBouncer an unusable role setting stops the start by its name',
  { skip: needsServer },
  async t => {
    const { prisma, url = '' } = await createTestDatabase(t)
    const database = new URL(url).pathname.slice(1)
    const bouncer = await startBouncer(t, url)
    for (const [name, value] of [
      ['default_transaction_isolation', 'serializable'],
      ['default_transaction_read_only', 'on'],
      ['synchronous_commit', 'off'],
      ['session_replication_role', 'replica'],
      ['statement_timeout', '900ms'],
      ['idle_in_transaction_session_timeout', '900ms'],
      ['lock_timeout', '5ms'],
      ['search_path', 'nowhere']
    ] as const) {
      await prisma.$executeRawUnsafe(`ALTER DATABASE "${database}" SET ${name} = '${value}'`)
      const { engine, close } = await openDatabase(bouncer.url)
      await t.rejects(pendingMigrations(engine), new RegExp(`\\b${name}\\b`), name)
      await t.rejects(migrate(engine), new RegExp(`\\b${name}\\b`), name)
      await close()
      await prisma.$executeRawUnsafe(`ALTER DATABASE "${database}" RESET ${name}`)
    }
    const other = await openDatabase(`${bouncer.url}&schema=app`)
    t.teardown(other.close)
    await t.rejects(pendingMigrations(other.engine), /search_path .*SET search_path = "app"/)
    await prisma.$executeRawUnsafe(`ALTER DATABASE "${database}" SET statement_timeout = '10s'`)
    const { engine, close } = await openDatabase(bouncer.url)
    t.teardown(close)
    t.same(await pendingMigrations(engine), [])
  }
)

t.test(
  'behind PgBouncer every program names the missing ?pgbouncer=true',
  { skip: needsServer },
  async t => {
    const { url = '' } = await createTestDatabase(t)
    const { direct } = await startBouncer(t, url)
    const folder = t.testdir()
    for (const [program, ...words] of [['main'], ['migrate'], ['users', 'list']] as const) {
      const env = { ...production(direct), PORT: '0' }
      const { code, stderr } = await startProcess(t, program, { folder, env }, ...words).ended
      t.equal(code, 1)
      t.match(
        stderr,
        /^[^\n]*unsupported startup parameter[^\n]*\?pgbouncer=true[^\n]*\n$/,
        program
      )
    }
  }
)

/** A proxy to the server that checks the first message as PgBouncer does. */
async function startBouncer(t: Test, serverUrl: string) {
  const target = new URL(serverUrl)
  const refused: string[] = []
  const server = createServer(client => {
    const upstream = connect(Number(target.port || 5432), target.hostname)
    client.once('data', first => {
      // The length and the protocol version, then names and values, each followed by a NUL.
      const words = first.subarray(8).toString().split('\0')
      const unknown = words.filter(
        (word, i) => i % 2 === 0 && word !== '' && !accepted.includes(word)
      )
      refused.push(...unknown)
      if (unknown.length > 0) {
        client.end(fatal('08P01', `unsupported startup parameter: ${unknown[0]}`))
        return
      }
      upstream.write(first)
      client.pipe(upstream).pipe(client)
    })
    client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy())
    upstream.on('error', () => client.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const url = new URL(serverUrl)
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const direct = url.href
  url.searchParams.set('pgbouncer', 'true')
  return { url: url.href, direct, refused }
}

/** The server's message that ends a connection. */
function fatal(state: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${state}\0M${message}\0\0`)
  const head = Buffer.from('E0000')
  head.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, fields])
}

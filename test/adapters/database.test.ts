import t from 'tap'
import { describeDatabaseError } from '../../src/adapters/postgres/describe-database-error.ts'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { pendingMigrations } from '../../src/adapters/postgres/migrations.ts'
import { needsServer, createTestDatabase } from '../support/database.ts'

t.test('an unsupported URL is refused without repeating it', async t => {
  for (const url of ['', 'mysql://ada:s3cret@here/x', 'file:./data', 'PGLITE:', 'postgresql:/x']) {
    await t.rejects(openDatabase(url), { message: /^DATABASE_URL must be [^\n]+$/ }, url)
    await t.rejects(openDatabase(url), { message: /^(?!.*s3cret)/ })
  }
})

t.test('an unreachable server is reported in one line without the password', async t => {
  const url = 'postgresql://ada:s3cret@127.0.0.1:1/x'
  const { engine, close } = await openDatabase(url)
  t.teardown(close)
  const error = await pendingMigrations(engine).catch((error: unknown) => error)
  t.equal(describeDatabaseError(error, url), "can't reach the database at 127.0.0.1:1")
  t.equal(describeDatabaseError(new Error('\n no s3cret here\n'), url), 'no … here')
})

t.test('a stored time keeps its milliseconds', async t => {
  const { prisma, url } = await createTestDatabase(t)
  // A server may have its own time zone.
  if (url !== undefined)
    await prisma.$executeRawUnsafe(
      `ALTER DATABASE "${new URL(url).pathname.slice(1)}" SET TimeZone = 'Asia/Kathmandu'`
    )
  const { prisma: later, close } =
    url === undefined ? { prisma, close: async () => {} } : await openDatabase(url)
  t.teardown(close)
  const createdAt = new Date('2026-03-29T01:30:00.123Z')
  await later.user.create({
    data: { username: 'Ada', usernameKey: 'ada', passwordDigest: '', createdAt }
  })
  t.same(
    (await later.user.findUniqueOrThrow({ where: { usernameKey: 'ada' } })).createdAt,
    createdAt
  )
})

t.test(
  'connections killed while idle are replaced and the process survives',
  { skip: needsServer },
  async t => {
    const { url = '' } = await createTestDatabase(t)
    const errors: Error[] = []
    const { prisma, close } = await openDatabase(url, { onError: error => errors.push(error) })
    t.teardown(close)
    await Promise.all([1, 2, 3].map(() => prisma.$queryRawUnsafe('SELECT pg_sleep(0.05)::text')))
    const other = await openDatabase(url)
    t.teardown(other.close)
    await other.prisma.$executeRawUnsafe(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()'
    )
    while (errors.length < 3) await new Promise(resolve => setTimeout(resolve, 10))
    t.same(await prisma.$queryRawUnsafe('SELECT 1 AS one'), [{ one: 1 }])
  }
)

t.test(
  'a statement that takes too long is cancelled, and an idle transaction ends',
  { skip: needsServer },
  async t => {
    const { url = '' } = await createTestDatabase(t)
    const { prisma, engine, close } = await openDatabase(url)
    t.teardown(close)
    t.same(await prisma.$queryRawUnsafe('SHOW statement_timeout'), [{ statement_timeout: '10s' }])
    const idle = 'SHOW idle_in_transaction_session_timeout'
    t.same(await prisma.$queryRawUnsafe(idle), [{ idle_in_transaction_session_timeout: '10s' }])
    // A migration may compute for longer between its statements.
    const { rows } = await engine.transaction(({ queryRaw }) =>
      queryRaw({ sql: idle, args: [], argTypes: [] })
    )
    t.same(rows, [['1min']])
  }
)

t.test(
  'a transaction waits for a connection as long as a statement does',
  { skip: needsServer },
  async t => {
    const { url = '' } = await createTestDatabase(t)
    const { prisma, close } = await openDatabase(url, { poolSize: 1, connectionTimeout: 20_000 })
    t.teardown(close)
    // Prisma's own default is two seconds, and its error would be a 500.
    const [, results] = await Promise.all([
      prisma.$queryRawUnsafe('SELECT pg_sleep(2.5)::text'),
      prisma.$transaction([prisma.$queryRawUnsafe('SELECT 1 AS one')])
    ])
    t.same(results, [[{ one: 1 }]])
  }
)

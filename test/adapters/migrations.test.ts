import { readdirSync } from 'node:fs'
import t from 'tap'
import { describeDatabaseError } from '../../src/adapters/postgres/describe-database-error.ts'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import {
  migrate,
  pendingMigrations,
  schemaDifference
} from '../../src/adapters/postgres/migrations.ts'
import { createEmptyDatabase, createTestDatabase } from '../support/database.ts'

const names = readdirSync(new URL('../../prisma/migrations', import.meta.url), {
  withFileTypes: true
})
  .filter(entry => entry.isDirectory())
  .map(entry => entry.name)
  .sort()

t.test('an empty database is migrated once and a second run applies nothing', async t => {
  const { engine, prisma } = await createEmptyDatabase(t)
  t.ok(names.length > 0, 'there are migrations')
  t.same(await pendingMigrations(engine), names, 'all are pending before the first run')
  t.same(await migrate(engine), names)
  t.same(await pendingMigrations(engine), [], 'none is pending after it')
  t.same(await migrate(engine), [])
  t.equal(await prisma.user.count(), 0, 'the tables exist')
})

t.test("Prisma's own commands can read the migration table", async t => {
  const { prisma } = await createTestDatabase(t)
  const ledger = await prisma.$queryRawUnsafe<Record<string, unknown>[]>(
    'SELECT * FROM _prisma_migrations ORDER BY migration_name'
  )
  t.same(
    ledger.map(row => row['migration_name']),
    names
  )
  for (const row of ledger) {
    t.match(row, {
      id: /^[0-9a-f-]{36}$/,
      checksum: /^[0-9a-f]{64}$/,
      finished_at: Date,
      started_at: Date,
      applied_steps_count: 1,
      logs: null,
      rolled_back_at: null
    })
  }
})

t.test('the migrations produce exactly the schema in prisma/schema.prisma', async t => {
  const { engine, prisma, close } = await openDatabase('pglite:')
  t.teardown(close)
  await migrate(engine)
  t.equal(
    await schemaDifference(engine),
    undefined,
    'make the missing migration: npm run migrate:new <verb_what>'
  )
  await prisma.$executeRawUnsafe('ALTER TABLE users ADD COLUMN surprise text')
  t.match(await schemaDifference(engine), /DROP COLUMN "surprise"/, 'a difference is detected')
})

t.test('a migration recorded as failed or rolled back is pending', async t => {
  const { engine, prisma } = await createTestDatabase(t)
  await prisma.$executeRawUnsafe('UPDATE _prisma_migrations SET rolled_back_at = now()')
  t.same(await pendingMigrations(engine), names)
  await prisma.$executeRawUnsafe(
    'UPDATE _prisma_migrations SET rolled_back_at = NULL, finished_at = NULL'
  )
  t.same(await pendingMigrations(engine), names)
})

t.test('a failed migration gives the reason and leaves the database unchanged', async t => {
  const { engine, prisma } = await createEmptyDatabase(t)
  // The name of the second table is taken, so the migration fails after creating the first one.
  await prisma.$executeRawUnsafe('CREATE SEQUENCE challenges')
  const error = await migrate(engine).catch(error => error)
  t.equal(describeDatabaseError(error, ''), 'relation "challenges" already exists')
  t.same(
    await prisma.$queryRawUnsafe("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"),
    []
  )
  await prisma.$executeRawUnsafe('DROP SEQUENCE challenges')
  t.same(await migrate(engine), names, 'it succeeds once the cause is removed')
})

t.test(
  'two processes that migrate one server both succeed, and only one applies the migrations',
  async t => {
    const { url, engine } = await createEmptyDatabase(t)
    // An embedded database has one session. The race shows only on a server.
    if (url === undefined) {
      const applied = await Promise.all([migrate(engine), migrate(engine)])
      t.same(
        applied.filter(names => names.length > 0),
        [names]
      )
      return
    }
    const other = await openDatabase(url)
    t.teardown(other.close)
    const applied = await Promise.all([
      migrate(engine),
      migrate(other.engine),
      migrate(other.engine)
    ])
    t.same(
      applied.filter(names => names.length > 0),
      [names]
    )
    t.same(await pendingMigrations(engine), [])
  }
)

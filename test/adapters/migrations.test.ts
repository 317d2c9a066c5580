import { readdirSync } from 'node:fs'
import t from 'tap'
import { databaseFailure } from '../../src/adapters/database-failure.ts'
import { openDatabase } from '../../src/adapters/database.ts'
import { migrate, pendingMigrations, schemaDifference } from '../../src/adapters/migrations.ts'
import { emptyDatabase, testDatabase } from '../support/database.ts'

const names = readdirSync(new URL('../../prisma/migrations', import.meta.url), { withFileTypes: true })
  .filter(entry => entry.isDirectory()).map(entry => entry.name).sort()

t.test('an empty database is migrated once, and a second run finds nothing to apply', async t => {
  const { engine, prisma } = await emptyDatabase(t)
  t.ok(names.length > 0, 'there are migrations')
  t.same(await pendingMigrations(engine), names, 'before: all are pending')
  t.same(await migrate(engine), names)
  t.same(await pendingMigrations(engine), [], 'after: none is')
  t.same(await migrate(engine), [])
  t.equal(await prisma.user.count(), 0, 'the tables are there')
})

t.test("the ledger is the one that Prisma's own commands read", async t => {
  const { prisma } = await testDatabase(t)
  const ledger = await prisma.$queryRawUnsafe<Record<string, unknown>[]>('SELECT * FROM _prisma_migrations ORDER BY migration_name')
  t.same(ledger.map(row => row['migration_name']), names)
  for (const row of ledger) {
    t.match(row, { id: /^[0-9a-f-]{36}$/, checksum: /^[0-9a-f]{64}$/, finished_at: Date, started_at: Date, applied_steps_count: 1, logs: null, rolled_back_at: null })
  }
})

t.test('the migrations give exactly the schema in prisma/schema.prisma', async t => {
  const { engine, prisma, close } = await openDatabase('pglite:')
  t.teardown(close)
  await migrate(engine)
  t.equal(await schemaDifference(engine), undefined, 'make the missing migration: npm run make-migration <verb_what>')
  await prisma.$executeRawUnsafe('ALTER TABLE users ADD COLUMN surprise text')
  t.match(await schemaDifference(engine), /DROP COLUMN "surprise"/, 'and a difference is seen')
})

t.test('a migration recorded as failed or rolled back is pending', async t => {
  const { engine, prisma } = await testDatabase(t)
  await prisma.$executeRawUnsafe('UPDATE _prisma_migrations SET rolled_back_at = now()')
  t.same(await pendingMigrations(engine), names)
  await prisma.$executeRawUnsafe('UPDATE _prisma_migrations SET rolled_back_at = NULL, finished_at = NULL')
  t.same(await pendingMigrations(engine), names)
})

t.test('a migration that fails says why and leaves the database as it was', async t => {
  const { engine, prisma } = await emptyDatabase(t)
  // The name of the second table is taken, so the first has been made by then.
  await prisma.$executeRawUnsafe('CREATE SEQUENCE challenges')
  const error = await migrate(engine).catch(error => error)
  t.equal(databaseFailure(error, ''), 'relation "challenges" already exists')
  t.same(await prisma.$queryRawUnsafe("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"), [])
  await prisma.$executeRawUnsafe('DROP SEQUENCE challenges')
  t.same(await migrate(engine), names, 'and once the cause is gone, it succeeds')
})

t.test('two processes migrating one server at once both succeed, and one of them does it', async t => {
  const { url, engine } = await emptyDatabase(t)
  // One session for all, so this shows little there: run it with TEST_DATABASE_URL too.
  if (url === undefined) {
    const applied = await Promise.all([migrate(engine), migrate(engine)])
    t.same(applied.filter(names => names.length > 0), [names])
    return
  }
  const other = await openDatabase(url)
  t.teardown(other.close)
  const applied = await Promise.all([migrate(engine), migrate(other.engine), migrate(other.engine)])
  t.same(applied.filter(names => names.length > 0), [names])
  t.same(await pendingMigrations(engine), [])
})

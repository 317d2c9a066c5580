import { readdir, readFile } from 'node:fs/promises'
import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg'
import type { Postgres, Session } from './postgres.ts'
import { schemaEngine } from './schema-engine.ts'

/** What migrating needs of a database. */
export type Engine = {
  /** Runs one statement on an ordinary connection. */
  query: (sql: string) => Promise<unknown>
  transaction: Postgres['transaction']
}

// The same from src/adapters and from dist/adapters.
const prismaFolder = new URL('../../prisma/', import.meta.url)
const filters = { externalTables: [], externalEnums: [] }
// Prisma's own key: our migrations and a `prisma migrate deploy` wait for one another too.
const lockKey = 72707369

/**
 * Applies the migrations in prisma/migrations that the database doesn't have yet, in order, all or none, and returns
 * their names. Two processes at once: the second waits, then finds nothing left to do. Throws, with the database as it
 * was, when a migration fails.
 */
export async function migrate ({ transaction }: Pick<Engine, 'transaction'>): Promise<string[]> {
  const migrationsList = await readMigrations()
  const { appliedMigrationNames } = await withSchemaEngine(transaction, async (engine, session) => {
    const run = (sql: string) => session.executeRaw({ sql, args: [], argTypes: [] })
    await run(`SELECT pg_advisory_xact_lock(${lockKey})`)
    const result = await engine.applyMigrations({ migrationsList, filters })
    // Prisma's engine locks for the session, which outlives us behind a connection pooler. Ours holds until the commit.
    await run(`SELECT pg_advisory_unlock(${lockKey})`)
    return result
  })
  return appliedMigrationNames
}

/** The names of the migrations the database doesn't have yet. Two small queries; Prisma's engine stays unloaded. */
export async function pendingMigrations ({ query }: Pick<Engine, 'query'>): Promise<string[]> {
  const { migrationDirectories } = await readMigrations()
  const names = migrationDirectories.map(({ path }) => path)
  // Asked first: a query on a missing table would leave an error in the server's log each time.
  if ((await column(query, "SELECT to_regclass('_prisma_migrations')::text")).every(table => table === null)) return names
  const applied = await column(query, 'SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL')
  return names.filter(name => !applied.includes(name))
}

/**
 * The SQL that would make the database what prisma/schema.prisma says; undefined when it is that already. For an
 * embedded database only: the adapter for servers can't read the catalogue's "char" columns.
 */
export async function schemaDifference ({ transaction }: Pick<Engine, 'transaction'>): Promise<string | undefined> {
  const schema = { path: 'schema.prisma', content: await readFile(new URL('schema.prisma', prismaFolder), 'utf8') }
  const { exitCode, stdout } = await withSchemaEngine(transaction, engine => engine.diff({
    // Not from the datasource block, which names no database: from the session the engine was given.
    from: { tag: 'schemaDatasource', files: [schema], configDir: prismaFolder.pathname },
    to: { tag: 'schemaDatamodel', files: [schema] },
    script: true,
    exitCode: true,
    filters
  }))
  return exitCode === 0 ? undefined : stdout ?? ''
}

/** Runs `work` in one transaction. When a statement fails, that is the error thrown, not what followed from it. */
async function withSchemaEngine<T> (transaction: Engine['transaction'], work: (engine: SchemaEngine, session: Session) => Promise<T>): Promise<T> {
  let cause: unknown
  const remember = async <R>(result: Promise<R>): Promise<R> => {
    try {
      return await result
    } catch (error) {
      cause ??= error
      throw error
    }
  }
  return transaction(async session => {
    const engine = await schemaEngine({
      queryRaw: query => remember(session.queryRaw(query)),
      executeRaw: query => remember(session.executeRaw(query)),
      executeScript: script => remember(session.executeScript(script))
    })
    try {
      return await work(engine, session)
    } catch (error) {
      // After a failed statement the engine still tries to note it in its ledger, in vain: the transaction is lost.
      throw cause ?? error
    } finally {
      engine.free()
    }
  })
}

async function readMigrations (): Promise<MigrationList> {
  const folder = new URL('migrations/', prismaFolder)
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.filter(entry => entry.isDirectory()).map(entry => entry.name).sort()
  return {
    baseDir: folder.pathname,
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(names.map(async path => {
      const sql = await readFile(new URL(`${path}/migration.sql`, folder), 'utf8')
      return { path, migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value: sql } } }
    }))
  }
}

/** The first column of each row. */
async function column (query: Engine['query'], sql: string): Promise<unknown[]> {
  const rows = await query(sql)
  return Array.isArray(rows) ? rows.map(row => Object.values(row)[0]) : []
}

import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg'
import type { Postgres, TransactionConnection } from './postgres.ts'
import { createSchemaEngine } from './schema-engine.ts'

/** The part of a database that migrations need. */
export type Engine = {
  /** Runs one statement on an ordinary connection. */
  query: (sql: string) => Promise<unknown>
  transaction: Postgres['transaction']
}

// The path is the same from src/ and from dist/.
const prismaFolder = new URL('../../../prisma/', import.meta.url)
const filters = { externalTables: [], externalEnums: [] }
// Prisma's own key, so that `prisma migrate deploy` and these migrations exclude each other.
const lockKey = 72707369

/**
 * Applies all pending migrations of prisma/migrations in order and returns their names. A second
 * process waits and then finds nothing to do. Throws if a migration fails. Then none is applied.
 */
export async function migrate({ transaction }: Pick<Engine, 'transaction'>): Promise<string[]> {
  const migrationsList = await readMigrations()
  const { appliedMigrationNames } = await withSchemaEngine(transaction, async (engine, session) => {
    const run = (sql: string) => session.executeRaw({ sql, args: [], argTypes: [] })
    await run(`SELECT pg_advisory_xact_lock(${lockKey})`)
    // As Prisma does, but only if it is missing: the role may lack the privilege.
    if ((await schemaOf(session)) === undefined)
      await run(`CREATE SCHEMA "${session.schemaName.replaceAll('"', '""')}"`)
    const result = await engine.applyMigrations({ migrationsList, filters })
    // Prisma's engine takes a session lock, which would outlive this process behind a connection
    // pooler. The lock above lasts until the commit.
    await run(`SELECT pg_advisory_unlock(${lockKey})`)
    return result
  })
  return appliedMigrationNames
}

/** The names of the pending migrations. Two small queries, without Prisma's engine. */
export async function pendingMigrations({ query }: Pick<Engine, 'query'>): Promise<string[]> {
  const names = await (knownNames ??= migrationNames())
  // First, because a query on a missing table would put an error into the server's log each time.
  const tables = await column(query, "SELECT to_regclass('_prisma_migrations')::text")
  if (tables.every(table => table === null)) return names
  const applied = await column(
    query,
    `SELECT migration_name
     FROM _prisma_migrations
     WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL`
  )
  return names.filter(name => !applied.includes(name))
}

// Cached for readiness probes, because Node reads files on the threads that hash passwords.
let knownNames: Promise<string[]> | undefined

/**
 * The SQL that would bring the database to the schema in prisma/schema.prisma, or undefined if
 * there is no difference. Works on embedded databases only, because the adapter for servers can't
 * read "char" columns of the catalog.
 */
export async function schemaDifference({
  transaction
}: Pick<Engine, 'transaction'>): Promise<string | undefined> {
  const schema = {
    path: 'schema.prisma',
    content: await readFile(new URL('schema.prisma', prismaFolder), 'utf8')
  }
  const { exitCode, stdout } = await withSchemaEngine(transaction, engine =>
    engine.diff({
      // The engine reads the database through its session. The datasource block names none.
      from: { tag: 'schemaDatasource', files: [schema], configDir: fileURLToPath(prismaFolder) },
      to: { tag: 'schemaDatamodel', files: [schema] },
      script: true,
      exitCode: true,
      filters
    })
  )
  return exitCode === 0 ? undefined : (stdout ?? '')
}

/** The schema of the tables, or undefined if it does not exist yet. */
async function schemaOf(session: TransactionConnection): Promise<unknown> {
  const { rows } = await session.queryRaw({
    sql: 'SELECT current_schema()::text',
    args: [],
    argTypes: []
  })
  return rows[0]?.[0] ?? undefined
}

/** Runs `work` in one transaction. Throws the error of the first statement that failed. */
async function withSchemaEngine<T>(
  transaction: Engine['transaction'],
  work: (engine: SchemaEngine, session: TransactionConnection) => Promise<T>
): Promise<T> {
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
    const engine = await createSchemaEngine({
      schemaName: session.schemaName,
      queryRaw: query => remember(session.queryRaw(query)),
      executeRaw: query => remember(session.executeRaw(query)),
      executeScript: script => remember(session.executeScript(script))
    })
    try {
      return await work(engine, session)
    } catch (error) {
      // After a failed statement the engine tries to record the failure in its table. That fails
      // too, because the transaction is aborted.
      throw cause ?? error
    } finally {
      engine.free()
    }
  })
}

const folder = new URL('migrations/', prismaFolder)

async function migrationNames(): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  return entries
    .filter(entry => entry.isDirectory())
    .map(entry => entry.name)
    .sort()
}

async function readMigrations(): Promise<MigrationList> {
  const names = await migrationNames()
  return {
    baseDir: fileURLToPath(folder),
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(
      names.map(async path => {
        const sql = await readFile(new URL(`${path}/migration.sql`, folder), 'utf8')
        return {
          path,
          migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value: sql } }
        }
      })
    )
  }
}

/** The first column of each row. */
async function column(query: Engine['query'], sql: string): Promise<unknown[]> {
  const rows = await query(sql)
  return Array.isArray(rows) ? rows.map(row => Object.values(row)[0]) : []
}

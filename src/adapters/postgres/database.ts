import { existsSync } from 'node:fs'
import { noDatabase } from './database-name.ts'
import type { Engine } from './migrations.ts'
import type { ConnectionUse, Postgres } from './postgres.ts'
import { PrismaClient } from '../prisma/client.ts'
import { createServerPostgres, type PoolOptions } from './server-postgres.ts'
import { readServerUrl, type ServerUrl } from './server-url.ts'

export type Database = {
  prisma: PrismaClient
  /** For `migrate`, `pendingMigrations` and `schemaDifference`. */
  engine: Engine
  /** When the database last answered a statement, on the clock of `performance.now()`. */
  answeredAt: () => number
  /** How the connections of the pool are used. Undefined for the embedded database. */
  connections: () => ConnectionUse | undefined
  /** Waits for running queries, then closes all connections. Call this once. */
  close: () => Promise<void>
}

export type DatabaseOptions = PoolOptions & {
  /**
   * For commands: works through the process that has an embedded folder open, if any, and creates
   * no database. A server needs the folder to itself.
   */
  join?: boolean | undefined
  /** Creates the folder of an embedded database even with `join`. */
  create?: boolean | undefined
}

/**
 * Opens the database that `DATABASE_URL` names. A connection to a server is opened by the first
 * query, an embedded folder by this call. Throws an Error of one line if the URL is invalid or
 * another process has the folder open.
 */
export async function openDatabase(url: string, options: DatabaseOptions = {}): Promise<Database> {
  if (/^postgres(ql)?:\/\//.test(url))
    return createDatabase(createServerPostgres(read(url), options))
  if (url.startsWith('pglite:')) {
    // Loaded only if needed, because PGlite contains all of PostgreSQL.
    const { createEmbeddedPostgres, createInMemoryPostgres } =
      await import('./embedded-postgres.ts')
    const folder = url.slice('pglite:'.length)
    if (options.join && !(options.create && folder !== '')) requireDatabase(url)
    return createDatabase(
      folder === '' ? await createInMemoryPostgres() : await createEmbeddedPostgres(folder, options)
    )
  }
  // The message doesn't repeat the value, which may contain a password.
  throw new Error(
    'DATABASE_URL must be postgresql://…, pglite:<folder>, or pglite: for one in memory'
  )
}

/**
 * Throws an Error of one line if `url` names an embedded database that doesn't exist. A command
 * calls this before it prompts for input.
 */
export function requireDatabase(url: string) {
  if (url === 'pglite:')
    throw new Error(
      'DATABASE_URL is pglite:, a database in the memory of the server, which no command can open.'
    )
  if (url.startsWith('pglite:') && !existsSync(url.slice('pglite:'.length))) throw noDatabase(url)
}

function read(url: string): ServerUrl {
  try {
    return readServerUrl(url)
  } catch (error) {
    throw new Error(`DATABASE_URL ${(error as Error).message}`, { cause: error })
  }
}

/** Makes a database of an open PostgreSQL connection pool. */
export function createDatabase(postgres: Postgres): Database {
  const prisma = new PrismaClient({
    adapter: postgres.adapter,
    errorFormat: 'minimal',
    // In milliseconds. The pool and the server have shorter timeouts, with errors that say more.
    transactionOptions: { maxWait: 60_000, timeout: 60_000 }
  })
  return {
    prisma,
    engine: { query: sql => prisma.$queryRawUnsafe(sql), transaction: postgres.transaction },
    answeredAt: postgres.answeredAt ?? (() => performance.now()),
    connections: () => postgres.connections?.(),
    async close() {
      await prisma.$disconnect()
      await postgres.close()
    }
  }
}

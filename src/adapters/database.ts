import type { Engine } from './migrations.ts'
import type { Postgres } from './postgres.ts'
import { PrismaClient } from './prisma/client.ts'
import { serverPostgres, type PoolOptions } from './server-postgres.ts'

export type Database = {
  prisma: PrismaClient
  /** For `migrate`, `pendingMigrations` and `schemaDifference`. */
  engine: Engine
  /** Waits for what is running, then releases everything. To be called once. */
  close: () => Promise<void>
}

export type DatabaseOptions = PoolOptions & {
  /** Work through the process that has an embedded folder open, if there is one. For commands; a server wants it alone. */
  join?: boolean | undefined
}

/**
 * Opens what `DATABASE_URL` names. A server is not spoken to before the first query; an embedded folder is opened here.
 * Throws an Error of one line when the URL is none of ours, or when another process has the folder open.
 */
export async function openDatabase (url: string, options: DatabaseOptions = {}): Promise<Database> {
  if (/^postgres(ql)?:\/\//.test(url)) return databaseOn(serverPostgres({ connectionString: url }, options))
  if (url.startsWith('pglite:')) {
    // Only for those who use it: PostgreSQL itself comes with it.
    const { embeddedPostgres, postgresInMemory } = await import('./embedded-postgres.ts')
    const folder = url.slice('pglite:'.length)
    return databaseOn(folder === '' ? await postgresInMemory() : await embeddedPostgres(folder, options))
  }
  // The value isn't repeated: it may hold a password.
  throw new Error('DATABASE_URL must be postgresql://…, pglite:<folder>, or pglite: for one in memory')
}

/** A database on a PostgreSQL that is open already. */
export function databaseOn (postgres: Postgres): Database {
  const prisma = new PrismaClient({ adapter: postgres.adapter, errorFormat: 'minimal' })
  return {
    prisma,
    engine: { query: sql => prisma.$queryRawUnsafe(sql), transaction: postgres.transaction },
    async close () {
      await prisma.$disconnect()
      await postgres.close()
    }
  }
}

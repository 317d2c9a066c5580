import type { Database } from './adapters/database.ts'
import { migrate, pendingMigrations } from './adapters/migrations.ts'
import type { Config } from './config.ts'

/**
 * Applies what migrations a database lacks. An embedded database is this service's own to migrate; one on a server is
 * not, unless it is only for trying things out: there it throws an Error of one line instead.
 */
export async function bringUpToDate ({ engine }: Database, { production, databaseUrl }: Pick<Config, 'production' | 'databaseUrl'>) {
  const pending = await pendingMigrations(engine)
  if (pending.length === 0) return
  if (production && !databaseUrl.startsWith('pglite:')) {
    throw new Error(`The database lacks these migrations: ${pending.join(', ')}. Run npm run migrate first.`)
  }
  await migrate(engine)
}

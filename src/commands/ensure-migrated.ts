import type { Database } from '../adapters/postgres/database.ts'
import { migrate, pendingMigrations } from '../adapters/postgres/migrations.ts'
import type { Config } from '../config/config.ts'

/**
 * Applies pending migrations to an embedded database, and outside production to any. In production
 * it throws an Error of one line if the database of a server lacks migrations, because the operator
 * decides when those run.
 */
export async function ensureMigrated(
  { engine }: Database,
  { production, databaseUrl }: Pick<Config, 'production' | 'databaseUrl'>
) {
  const pending = await pendingMigrations(engine)
  if (pending.length === 0) return
  if (production && !databaseUrl.startsWith('pglite:')) {
    throw new Error(
      `The database lacks these migrations: ${pending.join(', ')}. Run npm run migrate first.`
    )
  }
  await migrate(engine)
}

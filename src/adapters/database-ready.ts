import { type Engine, pendingMigrations } from './migrations.ts'

/** Whether the database answers, has all migrations and can be written to. Never throws. */
export async function databaseReady (engine: Pick<Engine, 'query'>): Promise<boolean> {
  try {
    return await isWritable(engine) && (await pendingMigrations(engine)).length === 0
  } catch {
    return false
  }
}

/** A standby answers and has the migrations, but no login can be stored there. */
async function isWritable ({ query }: Pick<Engine, 'query'>): Promise<boolean> {
  const rows = await query("SELECT current_setting('transaction_read_only') AS setting")
  return Array.isArray(rows) && rows[0]?.setting === 'off'
}

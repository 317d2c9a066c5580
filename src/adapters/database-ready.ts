import { type Engine, pendingMigrations } from './migrations.ts'

/** Whether the database answers, has all migrations and can be written to. Never throws. */
export async function databaseReady (engine: Pick<Engine, 'query'>): Promise<boolean> {
  try {
    if ((await pendingMigrations(engine)).length > 0) return false
    // A read-only server refuses this, which a login needs, and the pool lets go of a connection with a failed statement:
    // a setting that was put right would otherwise never be noticed on those made before.
    await engine.query('SELECT FROM users LIMIT 0 FOR SHARE')
    return true
  } catch {
    return false
  }
}

import type { Test } from 'tap'
import { openDatabase, type DatabaseOptions } from '../../src/adapters/postgres/database.ts'
import { createTestDatabase } from './database.ts'
import { startDatabaseProxy } from './database-proxy.ts'
import { startApp, type StartOptions } from './start-app.ts'

/**
 * Starts the application with a proxy in front of its database. The test can break the proxy's
 * connections. Needs a PostgreSQL server.
 */
export async function startBehindProxy(
  t: Test,
  { pool, ...options }: StartOptions & { pool?: DatabaseOptions } = {}
) {
  const database = await createTestDatabase(t)
  const proxy = await startDatabaseProxy(t, database.url ?? '')
  const proxied = await openDatabase(proxy.url, pool)
  t.teardown(proxied.close)
  const service = await startApp(t, { ...options, database: { ...proxied, url: proxy.url } })
  /** The log lines about database failures, which an operator's alert matches. */
  const failures = () =>
    service.logged.map(line => JSON.parse(line)).filter(({ event }) => event === 'database.failed')
  return {
    ...service,
    proxy,
    failures,
    /** A connection to the database that bypasses the proxy. */
    server: database.prisma
  }
}

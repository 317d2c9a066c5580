import type { Test } from 'tap'
import { openDatabase, type DatabaseOptions } from '../../src/adapters/postgres/database.ts'
import { testDatabase } from './database.ts'
import { startDatabaseProxy } from './database-proxy.ts'
import { startApp, type StartOptions } from './start-app.ts'

/**
 * Starts the application with a proxy to its database, whose connections the test can break. Needs
 * a server.
 */
export async function startBehindProxy(
  t: Test,
  { pool, ...options }: StartOptions & { pool?: DatabaseOptions } = {}
) {
  const database = await testDatabase(t)
  const proxy = await startDatabaseProxy(t, database.url ?? '')
  const proxied = await openDatabase(proxy.url, pool)
  t.teardown(proxied.close)
  const service = await startApp(t, { ...options, database: { ...proxied, url: proxy.url } })
  /** The log lines about database failures, which an operator's alarm matches. */
  const failures = () =>
    service.logged.map(line => JSON.parse(line)).filter(({ event }) => event === 'database.failed')
  /** A connection to the server without the proxy. */
  return { ...service, proxy, failures, server: database.prisma }
}

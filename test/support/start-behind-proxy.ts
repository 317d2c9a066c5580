import type { Test } from 'tap'
import { openDatabase, type DatabaseOptions } from '../../src/adapters/database.ts'
import { testDatabase } from './database.ts'
import { startDatabaseProxy } from './database-proxy.ts'
import { start, type StartOptions } from './start.ts'

/** The application as `start` has it, with a network to its database that the test can break. On a server only. */
export async function startBehindProxy (t: Test, { pool, ...options }: StartOptions & { pool?: DatabaseOptions } = {}) {
  const database = await testDatabase(t)
  const proxy = await startDatabaseProxy(t, database.url ?? '')
  const proxied = await openDatabase(proxy.url, pool)
  t.teardown(proxied.close)
  const service = await start(t, { ...options, database: { ...proxied, url: proxy.url } })
  /** The lines on a failing database, as an operator's alarm finds them. */
  const failures = () => service.logged.map(line => JSON.parse(line)).filter(({ event }) => event === 'database.failed')
  /** Straight to the server, past the proxy. */
  return { ...service, proxy, failures, server: database.prisma }
}

import type { Socket } from 'node:net'
import { PrismaPg } from '@prisma/adapter-pg'
import type { Postgres } from './postgres.ts'
import { statementNames } from './statement-names.ts'

/** Where the server is: a URL, or a socket to a process that shares its embedded PostgreSQL. */
export type Address = { connectionString: string } | { stream: () => Socket, user: string, database: string, ssl: false }

export type PoolOptions = {
  /** Connections at most. */
  poolSize?: number | undefined
  /** Milliseconds after which the server gives up on a statement; 0 = never. */
  statementTimeout?: number | undefined
  /** Milliseconds to wait for a free or a new connection, and for the answer of a server that has gone silent. */
  connectionTimeout?: number | undefined
  /** Told of connections that broke while nobody used them. They are replaced; nothing need be done. */
  onError?: ((error: Error) => void) | undefined
}

/** A PostgreSQL server, spoken to over a pool. Connects at the first query, not before. */
export function serverPostgres (address: Address, options: PoolOptions = {}): Postgres {
  const { poolSize = 10, statementTimeout = 10_000, connectionTimeout = 5000, onError = () => {} } = options
  const bouncing = isBehindPgBouncer(address)
  const pool = {
    ...address,
    connectionTimeoutMillis: connectionTimeout,
    keepAlive: true,
    application_name: 'sms-login',
    ...('connectionString' in address && inUtc(bouncing))
  }
  // Without these two listeners a connection killed while idle would end the process.
  const listeners = { onPoolError: onError, onConnectionError: onError }
  return {
    adapter: new PrismaPg({
      ...pool,
      max: poolSize,
      idleTimeoutMillis: 30_000,
      // The second timer is ours: it frees the caller when the server has gone silent and can't keep the first.
      ...(statementTimeout > 0 && { ...(!bouncing && { statement_timeout: statementTimeout }), query_timeout: statementTimeout + connectionTimeout })
      // With a process that shares its one connection, names would clash, as they would behind a PgBouncer that knows none.
    }, { ...listeners, ...('connectionString' in address && !bouncing && { statementNameGenerator: statementNames() }) }),
    async transaction (work) {
      // Its own connection, without a statement timeout: a migration may take its time, or wait for another's.
      const connection = await new PrismaPg({ ...pool, max: 1 }, listeners).connect()
      try {
        const transaction = await connection.startTransaction()
        const run = (sql: string) => transaction.executeRaw({ sql, args: [], argTypes: [] })
        try {
          const result = await work({
            queryRaw: query => transaction.queryRaw(query),
            executeRaw: query => transaction.executeRaw(query),
            // Without arguments pg sends one simple query, which may hold several statements. The adapter's own
            // executeScript cuts at every semicolon, those in strings and function bodies too.
            executeScript: async script => { await run(script) }
          })
          await run('COMMIT')
          return result
        } finally {
          // Releases the connection only. Disposing of it is what undoes a transaction that was not committed.
          await transaction.commit()
        }
      } finally {
        await connection.dispose()
      }
    },
    close: async () => {}
  }
}

/** Whether connections are a PgBouncer's, which URLs tell in Prisma's way: nothing is then asked of one that it may refuse or lose. */
const isBehindPgBouncer = (address: Address) =>
  'connectionString' in address && new URL(address.connectionString.replace('@/', '@localhost/')).searchParams.get('pgbouncer') === 'true'

/**
 * The adapter reads and writes timestamps as UTC whatever the server's time zone is. A PgBouncer refuses to be told that at the
 * start of a connection; told later, it sees to it on whichever connection of its own a statement goes.
 */
const inUtc = (bouncing: boolean) => bouncing
  ? { onConnect: async (client: { query: (sql: string) => Promise<unknown> }) => { await client.query("SET TimeZone = 'UTC'") } }
  : { options: '-c TimeZone=UTC' }

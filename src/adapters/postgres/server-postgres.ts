import type { Socket } from 'node:net'
import { PrismaPg } from '@prisma/adapter-pg'
import type pg from 'pg'
import { closeUnfinished } from './close-unfinished.ts'
import { serverPoolConfig, sharedPoolConfig } from './pool-config.ts'
import { noteAnswers } from './note-answers.ts'
import type { Postgres, TransactionConnection } from './postgres.ts'
import { createPreparedStatementNames } from './prepared-statement-names.ts'
import { retryConflicts } from './retry-conflicts.ts'
import { createServerSessions, type ServerSessions } from './server-sessions.ts'
import type { ServerUrl } from './server-url.ts'

export type PoolOptions = {
  /** The maximum number of connections. Default: the URL's `connection_limit`, or 10. */
  poolSize?: number | undefined
  /** Milliseconds after which the server cancels a statement. 0: never. Default: 10,000. */
  statementTimeout?: number | undefined
  /**
   * Milliseconds to wait for a free or new connection, unless the URL sets it, and for the response
   * of a server that has stopped responding. Default: 5,000.
   */
  connectionTimeout?: number | undefined
  /** Called when an idle connection breaks. The pool replaces it, so no action is needed. */
  onError?: ((error: Error) => void) | undefined
}

type AdapterOptions = NonNullable<ConstructorParameters<typeof PrismaPg>[1]>

/** How connections are made: those of the pool, and the one of each `transaction`. */
type Connections = {
  pool: pg.PoolConfig
  transaction: pg.PoolConfig
  /** For the pool only: a transaction never names its statements. */
  adapterOptions?: AdapterOptions
  errorListeners: AdapterOptions
  sessions?: ServerSessions
}

/** A PostgreSQL server, reached through a connection pool. Connects at the first query. */
export function createServerPostgres(
  server: ServerUrl,
  { poolSize, statementTimeout = 10_000, connectionTimeout = 5000, onError }: PoolOptions = {}
): Postgres {
  const sessions = createServerSessions(server)
  const config = (timeout: number) =>
    serverPoolConfig(server, sessions, { statementTimeout: timeout, connectionTimeout })
  const adapterOptions: AdapterOptions = {}
  if (server.preparedStatements)
    adapterOptions.statementNameGenerator = createPreparedStatementNames()
  return pooledPostgres({
    pool: { ...config(statementTimeout), max: poolSize ?? server.connectionLimit ?? 10 },
    // Without a statement timeout: a migration may run long, or wait for another process's.
    transaction: config(0),
    adapterOptions,
    errorListeners: listenersFor(onError),
    sessions
  })
}

/**
 * The embedded database of another process, reached through a socket to it. Uses one connection,
 * because PGlite has only one session. Prepared statements stay unnamed, because names of several
 * clients would clash in that session.
 */
export function createSharedPostgres(
  stream: () => Socket,
  onError: PoolOptions['onError']
): Postgres {
  const config = sharedPoolConfig(stream, 5000)
  return pooledPostgres({
    pool: { ...config, max: 1 },
    transaction: config,
    errorListeners: listenersFor(onError)
  })
}

function pooledPostgres(connections: Connections): Postgres {
  const { pool, adapterOptions, errorListeners, sessions } = connections
  const adapters = new PrismaPg(
    { ...pool, idleTimeoutMillis: 30_000 },
    { ...errorListeners, ...adapterOptions }
  )
  let openPool: pg.Pool | undefined
  let answeredAt = -Infinity
  const noteAnswer = () => {
    answeredAt = performance.now()
  }
  return {
    answeredAt: () => answeredAt,
    connections() {
      const { totalCount = 0, idleCount = 0, waitingCount = 0 } = openPool ?? {}
      return {
        inUse: totalCount - idleCount,
        idle: idleCount,
        limit: pool.max ?? 1,
        waiting: waitingCount
      }
    },
    adapter: {
      provider: 'postgres',
      adapterName: adapters.adapterName,
      async connect() {
        const adapter = await adapters.connect()
        openPool = adapter.underlyingDriver()
        closeUnfinished(openPool)
        try {
          await sessions?.check(adapter)
        } catch (error) {
          await adapter.dispose()
          throw error
        }
        return retryConflicts(noteAnswers(adapter, noteAnswer), sessions?.schema())
      }
    },
    transaction: work => runTransaction(connections, work),
    close: async () => {}
  }
}

/** Runs `work` in a transaction on its own connection. */
async function runTransaction<T>(
  { transaction: config, errorListeners, sessions }: Connections,
  work: (session: TransactionConnection) => Promise<T>
): Promise<T> {
  const connection = await new PrismaPg({ ...config, max: 1 }, errorListeners).connect()
  try {
    await sessions?.check(connection)
    const transaction = await connection.startTransaction()
    const run = (sql: string) => transaction.executeRaw({ sql, args: [], argTypes: [] })
    try {
      const result = await work({
        schemaName: sessions?.schema() ?? 'public',
        queryRaw: query => transaction.queryRaw(query),
        executeRaw: query => transaction.executeRaw(query),
        // Without arguments pg sends one simple query, which may contain several statements. The
        // adapter's own executeScript splits at every semicolon, even in strings and function
        // bodies.
        executeScript: async script => {
          await run(script)
        }
      })
      await run('COMMIT')
      return result
    } finally {
      // This only releases the connection. Disposing of it rolls back a transaction that was not
      // committed.
      await transaction.commit()
    }
  } finally {
    await connection.dispose()
  }
}

/** Without these listeners an idle connection that breaks would end the process. */
const listenersFor = (onError: (error: Error) => void = () => {}): AdapterOptions => ({
  onPoolError: onError,
  onConnectionError: onError
})

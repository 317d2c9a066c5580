import type { Socket } from 'node:net'
import pg from 'pg'
import type { ServerUrl } from './server-url.ts'
import type { ServerSessions } from './server-sessions.ts'

/** Milliseconds. */
type Timeouts = {
  /** After this time PostgreSQL cancels a statement. 0: never. */
  statementTimeout: number
  /** How long to wait for a connection, and for a server that has stopped responding. */
  connectionTimeout: number
}

/** pg-pool awaits `onConnect`, although its types declare void. */
type AwaitingPoolConfig = pg.PoolConfig & {
  onConnect: (client: pg.ClientBase) => Promise<void>
}

/** The settings of connections to a process that shares its embedded database. */
export const sharedPoolConfig = (
  stream: () => Socket,
  connectionTimeoutMillis: number
): pg.PoolConfig => ({
  stream,
  user: 'postgres',
  database: 'postgres',
  ssl: false,
  application_name: 'sms-login',
  connectionTimeoutMillis,
  keepAlive: true
})

/** The settings of connections to a PostgreSQL server. */
export function serverPoolConfig(
  server: ServerUrl,
  sessions: ServerSessions,
  { statementTimeout, connectionTimeout }: Timeouts
): pg.PoolConfig {
  const { connectTimeout, poolTimeout = Math.max(connectionTimeout, connectTimeout ?? 0) } = server
  const config: AwaitingPoolConfig = {
    user: server.user,
    host: server.host,
    port: server.port,
    database: server.database,
    ssl: false,
    application_name: server.applicationName,
    connectionTimeoutMillis: poolTimeout,
    keepAlive: true,
    onConnect: sessions.prepare(statementTimeout)
  }
  if (server.password !== undefined) config.password = server.password
  if (server.tls !== false) {
    const { direct, ...ssl } = server.tls
    config.ssl = ssl
    if (direct) config.sslnegotiation = 'direct'
  }
  // PgBouncer refuses these two start-up parameters.
  if (!server.pgBouncer) {
    // Limits the first statement of a session even if the role has a shorter limit.
    config.statement_timeout = statementTimeout || connectionTimeout
    // A short timeout could end the connection before its first statement.
    config.options = [server.options, '-c idle_session_timeout=0'].filter(Boolean).join(' ')
  }
  if (statementTimeout > 0) {
    // Frees the caller if the server stops responding and can't enforce its own timeout.
    config.query_timeout = statementTimeout + connectionTimeout
  }
  if (connectTimeout !== undefined) config.Client = clientConnectingWithin(connectTimeout)
  return config
}

/** A pool passes its own timeout, which includes the wait for a free connection, to its clients. */
const clientConnectingWithin = (milliseconds: number) =>
  class extends pg.Client {
    constructor(options?: pg.ClientConfig) {
      super({ ...options, connectionTimeoutMillis: milliseconds })
    }
  }

import type { SqlDriverAdapterFactory, SqlQueryable } from '@prisma/driver-adapter-utils'

/** A connection in a transaction. `executeScript` accepts several statements. */
export type TransactionConnection = Pick<SqlQueryable, 'queryRaw' | 'executeRaw'> & {
  executeScript: (script: string) => Promise<void>
  /** The schema of the tables. */
  schemaName: string
}

/** How the connections of a pool are used. */
export type ConnectionUse = {
  inUse: number
  idle: number
  limit: number
  /** Statements that wait for a connection. */
  waiting: number
}

/** A PostgreSQL database, on a server or embedded. */
export type Postgres = {
  adapter: SqlDriverAdapterFactory
  /** Runs `work` in a transaction. Commits when it resolves, rolls back when it throws. */
  transaction: <T>(work: (session: TransactionConnection) => Promise<T>) => Promise<T>
  /**
   * When the server last responded to a statement, on the clock of `performance.now()`; -Infinity
   * before the first. Undefined for a database in this process, which has no network to lose
   * answers.
   */
  answeredAt?: () => number
  /** Undefined without a connection pool. */
  connections?: () => ConnectionUse
  /** Releases the resources that the adapter doesn't. */
  close: () => Promise<void>
}

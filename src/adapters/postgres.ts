import type { SqlDriverAdapterFactory, SqlQueryable } from '@prisma/driver-adapter-utils'

/** One connection inside one transaction. `executeScript` takes several statements at once. */
export type Session = Pick<SqlQueryable, 'queryRaw' | 'executeRaw'> & { executeScript: (script: string) => Promise<void> }

/** A PostgreSQL, wherever it runs: what `openDatabase` and the migrations need of it. */
export type Postgres = {
  adapter: SqlDriverAdapterFactory
  /** Commits what `work` did when it resolves, undoes all of it when it throws. */
  transaction: <T>(work: (session: Session) => Promise<T>) => Promise<T>
  /** Releases what the adapter itself doesn't. */
  close: () => Promise<void>
}

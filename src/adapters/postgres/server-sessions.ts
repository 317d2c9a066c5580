import type { SqlDriverAdapter } from '@prisma/driver-adapter-utils'
import pg from 'pg'
import type { ServerUrl } from './server-url.ts'
import { setPgBouncerSession, setSession, wrongBehindPgBouncer } from './session-settings.ts'

export type ServerSessions = {
  /** The schema of the tables. Undefined before the first connection, unless the URL names it. */
  schema: () => string | undefined
  /**
   * Returns the function that sets up a new connection. Its statement timeout is in milliseconds.
   */
  prepare: (statementTimeout: number) => (client: pg.ClientBase) => Promise<void>
  /**
   * Opens a connection, so that the schema is known. Behind PgBouncer it throws an Error if a
   * setting that `prepare` can't change has an unsuitable value.
   */
  check: (adapter: Pick<SqlDriverAdapter, 'queryRaw'>) => Promise<void>
}

/** Prepares and checks the sessions of this process on a PostgreSQL server. */
export function createServerSessions({
  pgBouncer,
  user,
  schema: wanted
}: ServerUrl): ServerSessions {
  // All connections of a process use one schema, even if the role's search_path changes later.
  let schema = wanted
  return {
    schema: () => schema,
    prepare: statementTimeout => async client => {
      const sql = pgBouncer ? setPgBouncerSession : setSession(schema, statementTimeout)
      // The query has two statements, so pg returns an array. Its types don't declare that.
      const results = (await client.query(sql)) as unknown as pg.QueryResult<{
        schema: string | null
        encoding: string
      }>[]
      const { schema: found, encoding = '' } = results.at(-1)?.rows[0] ?? {}
      // SQL_ASCII stores the bytes of any encoding. Other encodings lack characters.
      if (!['UTF8', 'SQL_ASCII'].includes(encoding)) throw new Error(wrongEncoding(encoding))
      if (pgBouncer && wanted !== undefined && found !== wanted)
        throw new Error(cannotSet('search_path', user, pg.escapeIdentifier(wanted)))
      schema ??= found ?? undefined
      if (schema === undefined) throw new Error(noSchema(user))
    },
    async check(adapter) {
      const sql = pgBouncer ? wrongBehindPgBouncer : 'SELECT'
      const { rows } = await adapter.queryRaw({ sql, args: [], argTypes: [] })
      const [wrong] = rows
      if (wrong === undefined || !pgBouncer) return
      const [name, value, right] = wrong.map(String)
      throw new Error(`${name} is ${value}; ${cannotSet(name, user, `'${right}'`)}`)
    }
  }
}

const wrongEncoding = (encoding: string) =>
  `server_encoding of the database is ${encoding}: create the database with ENCODING 'UTF8'`

const noSchema = (user: string) =>
  `search_path names no schema that ${user} may use: ` +
  'create it, or name one with ?schema= in DATABASE_URL'

const cannotSet = (name = '', user: string, value: string) =>
  `${name} can't be set through PgBouncer: ` +
  `ALTER ROLE ${pg.escapeIdentifier(user)} SET ${name} = ${value}, ` +
  'and have PgBouncer reconnect (RECONNECT)'

import pg from 'pg'

/**
 * The session settings that our statements and the parsing of their results depend on. Each lists
 * the suitable values, the preferred one first. A role, a database or the URL may have set others.
 */
const required: Readonly<Record<string, readonly [string, ...string[]]>> = {
  // The adapter reads and writes timestamps in UTC and in ISO format.
  TimeZone: ['UTC'],
  DateStyle: ['ISO, MDY'],
  client_encoding: ['UTF8'],
  standard_conforming_strings: ['on'],
  // Some array parameters contain NULL. Otherwise an exhausted rate limit would cause a 500.
  array_nulls: ['on'],
  // At stricter levels concurrent updates of one row fail with 40001 instead of waiting.
  default_transaction_isolation: ['read committed', 'read uncommitted'],
  default_transaction_read_only: ['off'],
  // Otherwise a used code may be valid again after the server crashes.
  synchronous_commit: ['on', 'remote_apply'],
  // Otherwise deleting a user would keep their sessions, because cascades are triggers.
  session_replication_role: ['origin', 'local'],
  // This service uses statement_timeout and the pool's idle timeout instead.
  lock_timeout: ['0'],
  idle_session_timeout: ['0'],
  transaction_timeout: ['0']
}

/**
 * The settings that free the locks of a process that the server no longer hears from, in the middle
 * of a statement or between two statements of a transaction. Otherwise a broken network would keep
 * the rows locked until TCP notices, which takes hours.
 */
const timeouts = ['statement_timeout', 'idle_in_transaction_session_timeout'] as const

/**
 * How long a transaction without a statement timeout may be idle, in milliseconds. It is a
 * migration, which computes between its statements.
 */
const longestPause = 60_000

/** The settings that PgBouncer maintains for each client on every server connection. */
const keptByPgBouncer = ['TimeZone', 'DateStyle', 'client_encoding', 'standard_conforming_strings']

/**
 * SQL that applies these settings to the session. A transaction may be idle for as long as a
 * statement may take: `statementTimeout` milliseconds. It also sets the search_path to `schema`, or
 * to the first schema of the role's search_path. The last result has the name of the schema and the
 * encoding of the database. PostgreSQL's error names the setting that can't be changed. Settings
 * that the server doesn't know are skipped.
 */
export const setSession = (schema: string | undefined, statementTimeout: number) =>
  setConfig([
    ...Object.entries(required).map(([name, values]) => row(name, values.map(literal))),
    row('statement_timeout', [literal(String(statementTimeout))]),
    row('idle_in_transaction_session_timeout', [literal(String(statementTimeout || longestPause))]),
    row('search_path', [
      schema === undefined
        ? 'pg_catalog.quote_ident(pg_catalog.current_schema())'
        : literal(pg.escapeIdentifier(schema))
    ])
  ])

/** Like `setSession`, but only for the settings that PgBouncer maintains. */
export const setPgBouncerSession = setConfig(
  keptByPgBouncer.map(name => row(name, (required[name] ?? []).map(literal)))
)

/**
 * SQL that finds unsuitable settings of the role or database that PgBouncer doesn't maintain. Each
 * row has the name, the current value and the value to set. Any timeout of at least one second is
 * suitable.
 */
export const wrongBehindPgBouncer = `
  SELECT name, reset_val AS value, wanted[1] AS wanted
  FROM pg_catalog.pg_settings
  JOIN (VALUES
    ${[
      ...Object.entries(required).filter(([name]) => !keptByPgBouncer.includes(name)),
      ...timeouts.map(name => [name, ['10s']] as const)
    ]
      .map(([name, values]) => row(name, values.map(literal)))
      .join(',\n    ')}
  ) AS setting (name, wanted) USING (name)
  WHERE CASE
    WHEN name LIKE '%timeout' THEN reset_val::int BETWEEN 1 AND 999
    ELSE reset_val <> ALL (wanted)
  END`

function setConfig(rows: string[]): string {
  return `
    SELECT pg_catalog.set_config(name, wanted[1], false)
    FROM (VALUES ${rows.join(', ')}) AS setting (name, wanted)
    WHERE pg_catalog.current_setting(name, true) <> ALL (wanted);
    SELECT
      pg_catalog.current_schema() AS schema,
      pg_catalog.current_setting('server_encoding') AS encoding`
}

function row(name: string, values: readonly string[]): string {
  return `(${literal(name)}, ARRAY[${values.join(', ')}])`
}

function literal(text: string): string {
  return pg.escapeLiteral(text)
}

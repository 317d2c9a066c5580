import { databaseFailure } from './database-failure.ts'
import { driverCause, fields } from './driver-cause.ts'

/** Each way in which a database is out of use, with what an operator should do about it. */
const advice = {
  unreachable: 'check that the server runs, DATABASE_URL, DNS and the firewall',
  tls: 'check the certificate of the server and sslmode in DATABASE_URL',
  denied: 'check user, password and database in DATABASE_URL, and pg_hba.conf',
  disconnected: 'a new connection is made for the next query; if this goes on, see the log of the server',
  busy: 'all connections of this process are taken: look for slow queries and locks in pg_stat_activity',
  timeout: 'the server is too slow or a lock is held: see pg_stat_activity',
  'read-only': 'DATABASE_URL must name the primary, and default_transaction_read_only be off',
  pooler: 'behind a PgBouncer add ?pgbouncer=true to DATABASE_URL',
  connections: 'raise max_connections of the server or run fewer instances',
  exhausted: 'the server lacks disk space or memory, or its disk fails: see its log',
  conflict: 'the server undid the statement; if this goes on, see its log'
}

export type DatabaseOutage = {
  facts: { event: 'database.failed', reason: keyof typeof advice, sqlState: string | undefined }
  /** One line for the operator, without the URL's password and without any value of a query. */
  message: string
}

/** What is the matter when the database is out of use; undefined when the error is the program's own fault. */
export function databaseOutage (error: unknown, url: string): DatabaseOutage | undefined {
  const { kind, originalCode, severity } = driverCause(error)
  const sqlState = typeof originalCode === 'string' ? originalCode : undefined
  const reason = sqlState === undefined ? kinds.get(kind) ?? ofClient(error) : ofServer(sqlState, severity)
  if (reason === undefined) return undefined
  return { facts: { event: 'database.failed', reason, sqlState }, message: `${databaseFailure(error, url)}: ${advice[reason]}` }
}

type Reason = keyof typeof advice

/** The driver's errors that have no SQLSTATE. */
const kinds: ReadonlyMap<unknown, Reason> = new Map([
  ['DatabaseNotReachable', 'unreachable'],
  ['ConnectionClosed', 'disconnected'],
  ['SocketTimeout', 'timeout'],
  ['TlsConnectionError', 'tls']
])

/** Some states by themselves, others by their class. https://www.postgresql.org/docs/current/errcodes-appendix.html */
const states: Readonly<Record<string, Reason>> = {
  '08': 'disconnected',
  '08P01': 'pooler',
  25006: 'read-only',
  '25P03': 'disconnected',
  '25P04': 'timeout',
  28: 'denied',
  26000: 'pooler',
  '3D000': 'denied',
  40: 'conflict',
  '42P05': 'pooler',
  53: 'exhausted',
  53300: 'connections',
  '55P03': 'timeout',
  57: 'disconnected',
  57014: 'timeout',
  58: 'exhausted'
}

function ofServer (sqlState: string, severity: unknown): Reason | undefined {
  // A database that takes no connections. Without the FATAL it would be a statement that came too early.
  if (sqlState === '55000' && severity === 'FATAL') return 'denied'
  return states[sqlState] ?? states[sqlState.slice(0, 2)]
}

/** What pg says by itself, in words only. */
const words: readonly (readonly [RegExp, Reason])[] = [
  [/^timeout exceeded when trying to connect$/, 'busy'],
  [/^Query read timeout$/, 'timeout'],
  [/^(Connection terminated due to connection timeout|timeout expired)$/, 'unreachable'],
  [/^(Connection terminated|Client has encountered a connection error|Client was closed)/, 'disconnected']
]

function ofClient (error: unknown): Reason | undefined {
  if (!(error instanceof Error)) return undefined
  // The kernel's own, which Prisma wraps as they are: ENOENT of a socket, EPIPE, EHOSTUNREACH, EAI_AGAIN, EMFILE.
  if (error.name === 'PrismaClientKnownRequestError' && /^E(?!RR_)[A-Z_]+$/.test(String(fields(error)['code']))) return 'unreachable'
  return words.find(([pattern]) => pattern.test(error.message))?.[1]
}

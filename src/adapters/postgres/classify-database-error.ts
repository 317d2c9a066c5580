import { describeDatabaseError } from './describe-database-error.ts'
import { unwrapDriverError, fields } from './unwrap-driver-error.ts'

/** Each reason why a database can't be used, with advice for the operator. */
const advice = {
  unreachable: 'check that the server runs, DATABASE_URL, DNS and the firewall',
  tls: 'check the certificate of the server, and sslmode and sslrootcert in DATABASE_URL',
  'no-tls': 'turn on ssl in postgresql.conf, or remove sslmode from DATABASE_URL',
  denied: 'check user, password and database in DATABASE_URL, and pg_hba.conf',
  disconnected: 'the next query opens a new connection; if this recurs, see the log of the server',
  busy:
    'all connections of this process are in use: ' +
    'look for slow queries and locks in pg_stat_activity',
  timeout: 'the server is too slow or a lock is held: see pg_stat_activity',
  'read-only': 'DATABASE_URL must name the primary, with default_transaction_read_only off',
  pooler: 'if the server is a PgBouncer, add ?pgbouncer=true to DATABASE_URL',
  connections: 'raise max_connections of the server or run fewer instances',
  exhausted: 'the server lacks disk space or memory, or its disk is failing: see its log',
  conflict: 'the server rolled the statement back; if this recurs, see its log'
}

export type DatabaseOutage = {
  facts: { event: 'database.failed'; reason: keyof typeof advice; sqlState: string | undefined }
  /** One line for the operator, without the URL's password and without any value of a query. */
  message: string
}

/** Classifies an error of the database. Returns undefined if the error is a bug of this program. */
export function classifyDatabaseError(error: unknown, url: string): DatabaseOutage | undefined {
  const { originalCode, severity } = unwrapDriverError(error)
  const sqlState = typeof originalCode === 'string' ? originalCode : undefined
  const reason =
    sqlState === undefined ? (ofDriver(error) ?? ofClient(error)) : ofServer(sqlState, severity)
  if (reason === undefined) return undefined
  return {
    facts: { event: 'database.failed', reason, sqlState },
    message: `${describeDatabaseError(error, url)}: ${advice[reason]}`
  }
}

/** One line on why a program failed, with advice if the database is the cause. */
export const failureLine = (error: unknown, url: string): string =>
  classifyDatabaseError(error, url)?.message ?? describeDatabaseError(error, url)

type Reason = keyof typeof advice

/** The driver's errors without a SQLSTATE. */
const kinds: ReadonlyMap<unknown, Reason> = new Map([
  ['DatabaseNotReachable', 'unreachable'],
  ['ConnectionClosed', 'disconnected'],
  ['SocketTimeout', 'timeout'],
  ['TlsConnectionError', 'tls']
])

function ofDriver(error: unknown): Reason | undefined {
  const { kind, reason } = unwrapDriverError(error)
  return reason === 'The server does not support SSL connections' ? 'no-tls' : kinds.get(kind)
}

/**
 * SQLSTATEs, by the whole code or by its class.
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
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

function ofServer(sqlState: string, severity: unknown): Reason | undefined {
  // FATAL: the database accepts no connections. Otherwise 55000 is an error of one statement.
  if (sqlState === '55000' && severity === 'FATAL') return 'denied'
  return states[sqlState] ?? states[sqlState.slice(0, 2)]
}

/** The errors of pg itself, which have only a message. */
const messages: readonly (readonly [RegExp, Reason])[] = [
  [/^timeout exceeded when trying to connect$/, 'busy'],
  [/^Query read timeout$/, 'timeout'],
  [/^(Connection terminated due to connection timeout|timeout expired)$/, 'unreachable'],
  [
    /^(Connection terminated|Client has encountered a connection error|Client was closed)/,
    'disconnected'
  ]
]

function ofClient(error: unknown): Reason | undefined {
  if (!(error instanceof Error)) return undefined
  // Prisma passes system errors on: ENOENT of a socket, EPIPE, EHOSTUNREACH, EAI_AGAIN, EMFILE.
  if (
    error.name === 'PrismaClientKnownRequestError' &&
    /^E(?!RR_)[A-Z_]+$/.test(String(fields(error)['code']))
  )
    return 'unreachable'
  // A transaction took longer than `transactionOptions` in database.ts allows.
  if (fields(error)['code'] === 'P2028') return 'timeout'
  return messages.find(([pattern]) => pattern.test(error.message))?.[1]
}

import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { userInfo } from 'node:os'
import type { ConnectionOptions } from 'node:tls'

/** A PostgreSQL server as `DATABASE_URL` describes it. */
export type ServerUrl = {
  user: string
  password: string | undefined
  /** A host name, an IP address, or the folder of a Unix socket. */
  host: string
  port: number
  database: string
  tls: false | (ConnectionOptions & { direct: boolean })
  /** Settings of the session in libpq's format: `-c name=value …`. */
  options: string | undefined
  applicationName: string
  /** The schema of the tables. Default: the first one of the role's search_path. */
  schema: string | undefined
  /** Whether connections go through PgBouncer. */
  pgBouncer: boolean
  preparedStatements: boolean
  connectionLimit: number | undefined
  /** Milliseconds to wait for a free or new connection. */
  poolTimeout: number | undefined
  /** Milliseconds to wait for a new connection. */
  connectTimeout: number | undefined
}

const ambiguous =
  'must be a URL like postgresql://user:password@host:5432/database; ' +
  'percent-encode @ : / ? # % and spaces in its parts'

const grammar = new RegExp(
  [
    '^postgres(?:ql)?://',
    '(?:(?<user>[^@/?#:]*)(?::(?<password>[^@/?#]*))?@)?',
    '(?<host>[^@/?#]*)',
    '(?:/(?<database>[^@/?#]*))?',
    '(?:\\?(?<query>[^@#]*))?$'
  ].join('')
)

/** The parts of a server's URL, still percent-encoded. Undefined if the URL is ambiguous. */
export const urlParts = (url: string) => grammar.exec(url)?.groups

/**
 * Parses the URL of a PostgreSQL server. If the URL is invalid or has an unsupported parameter, it
 * throws an Error that continues the sentence "DATABASE_URL …". The message never repeats an
 * ambiguous part of the URL, because that part may belong to the password.
 */
export function readServerUrl(url: string): ServerUrl {
  const parts = urlParts(url)
  const isWellFormed = !/\p{Cc}|%(?![\da-f]{2})/iu.test(url) && !/\s/.test(url.replace(/\?.*/, ''))
  if (parts === undefined || !isWellFormed) throw new Error(ambiguous)
  const decoded = (name: string) => {
    const value = decode(parts[name] ?? '')
    return value === '' ? undefined : value
  }
  const { host, port } = hostAndPort(parts['host'] ?? '')
  const parameters = readParameters(parts['query'] ?? '')
  const socketOrHost = parameters.host ?? host ?? 'localhost'
  const user = decoded('user') ?? systemUser()
  return {
    user,
    password: decoded('password'),
    host: socketOrHost,
    port: parameters.port ?? port ?? 5432,
    database: decoded('database') ?? user,
    // As in libpq, TLS is not used on Unix sockets.
    tls: socketOrHost.startsWith('/') ? false : readTls(parameters),
    options: parameters.options,
    applicationName: parameters.application_name ?? 'sms-login',
    schema: parameters.schema,
    pgBouncer: parameters.pgbouncer ?? false,
    preparedStatements: !parameters.pgbouncer && parameters.statement_cache_size !== 0,
    connectionLimit: parameters.connection_limit,
    poolTimeout: milliseconds(parameters.pool_timeout),
    connectTimeout: milliseconds(parameters.connect_timeout)
  }
}

/** Whether queries and results cross a network unencrypted with this valid `DATABASE_URL`. */
export function isUnencrypted(url: string): boolean {
  if (url.startsWith('pglite:')) return false
  const { host, tls } = readServerUrl(url)
  return tls === false && !/^(\/|(localhost|127(\.\d+){3}|::1)$)/i.test(host)
}

/** Throws if the bytes aren't UTF-8 or contain a NUL, which PostgreSQL's protocol can't carry. */
function decode(text: string): string {
  let decoded
  try {
    decoded = decodeURIComponent(text)
  } catch {
    throw new Error(ambiguous)
  }
  if (decoded.includes('\0')) throw new Error(ambiguous)
  return decoded
}

function hostAndPort(text: string) {
  if (text.includes(','))
    throw new Error(
      'must name one host: several are not supported; ' +
        'name the primary, or an address that always leads to it'
    )
  const found = /^(?<host>\[[^\]]*\]|[^:[\]]*)(?::(?<port>\d{0,5}))?$/.exec(text)?.groups
  if (found === undefined) throw new Error(ambiguous)
  const { host = '', port = '' } = found
  const address = /^\[(.*)\]$/.exec(host)?.[1]
  if (address !== undefined && isIP(decode(address)) !== 6) throw new Error(ambiguous)
  return {
    host: host === '' ? undefined : checkedHost(decode(address ?? host)),
    port: port === '' ? undefined : checkedPort(port)
  }
}

function checkedHost(host: string): string {
  // A folder, a name (Docker's have underscores), an IPv4 address or an IPv6 address.
  if (/^\/|^[\w.-]+$/.test(host) || isIP(host) === 6) return host
  throw new Error(ambiguous)
}

function checkedPort(text: string): number {
  const port = Number(text)
  if (port < 1 || port > 65535) throw new Error('must have a port from 1 to 65535')
  return port
}

/** The operating system's user name, which is also libpq's default. */
function systemUser(): string {
  try {
    return userInfo().username
  } catch {
    throw new Error('must name a user')
  }
}

const milliseconds = (seconds: number | undefined) =>
  seconds === undefined ? undefined : seconds * 1000

type Parameters = Partial<{
  -readonly [name in keyof typeof readers]: ReturnType<(typeof readers)[name]>
}>

/** Parses each supported parameter. The names are those of libpq and Prisma. */
const readers = {
  host: (text: string) => {
    if (text.includes(',')) hostAndPort(text)
    return checkedHost(text)
  },
  port: (text: string) => (/^\d{1,5}$/.test(text) ? checkedPort(text) : invalid('a port')),
  schema: (text: string) =>
    text === '' || Buffer.byteLength(text) > 63 || text.startsWith('pg_')
      ? invalid("a schema's name of at most 63 bytes")
      : text,
  connection_limit: (text: string) => whole(text, 1, 1000),
  pool_timeout: (text: string) => whole(text, 1, 3600),
  connect_timeout: (text: string) => whole(text, 1, 3600),
  pgbouncer: (text: string) => oneOf(text, ['true', 'false']) === 'true',
  statement_cache_size: (text: string) => whole(text, 0, 0),
  application_name: (text: string) =>
    /^[ -~]{1,63}$/.test(text) ? text : invalid('at most 63 printable ASCII characters'),
  options: (text: string) => text,
  // As in node-postgres, every mode except no-verify checks the certificate and the host name.
  sslmode: (text: string) =>
    oneOf(text, ['disable', 'no-verify', 'prefer', 'require', 'verify-ca', 'verify-full']),
  sslrootcert: (text: string) => (text === 'system' ? null : contentOf(text)),
  sslcert: (text: string) => contentOf(text),
  sslkey: (text: string) => contentOf(text),
  sslnegotiation: (text: string) => oneOf(text, ['postgres', 'direct'])
}

function readParameters(query: string): Parameters {
  const values: Record<string, unknown> = {}
  for (const pair of query.split('&').filter(pair => pair !== '')) {
    const [name = '', ...rest] = pair.split('=').map(text => decode(text.replaceAll('+', ' ')))
    if (!Object.hasOwn(readers, name)) throw new Error(unknownParameter(name))
    if (Object.hasOwn(values, name)) throw new Error(`must not have the parameter ${name} twice`)
    try {
      values[name] = readers[name as keyof typeof readers](rest.join('='))
    } catch (error) {
      throw new Error(`has a parameter ${name} that ${(error as Error).message}`, { cause: error })
    }
  }
  const { pgbouncer, options } = values as Parameters
  if (pgbouncer && options !== undefined)
    throw new Error(
      'must not have both options and pgbouncer=true: ' +
        'PgBouncer does not pass options on; use ALTER ROLE … SET instead'
    )
  return values
}

function unknownParameter(name: string) {
  const supported = Object.keys(readers).join(', ')
  // Text that doesn't look like a parameter name may be a part of the password.
  return /^[a-z][a-z_]{1,40}$/i.test(name)
    ? `has a parameter ${name}, which is not supported; these are: ${supported}`
    : `has a parameter that is not supported; these are: ${supported}`
}

function readTls(parameters: Parameters): ServerUrl['tls'] {
  const { sslmode, sslrootcert, sslcert, sslkey, sslnegotiation } = parameters
  const asksForTls = Object.keys(parameters).some(name => name.startsWith('ssl'))
  if (sslmode === 'disable' || !asksForTls) return false
  return {
    direct: sslnegotiation === 'direct',
    rejectUnauthorized: sslmode !== 'no-verify',
    ...(sslrootcert && { ca: sslrootcert }),
    ...(sslcert !== undefined && { cert: sslcert }),
    ...(sslkey !== undefined && { key: sslkey })
  }
}

function invalid(what: string): never {
  throw new Error(`must be ${what}`)
}

const whole = (text: string, least: number, most: number) =>
  /^\d{1,6}$/.test(text) && Number(text) >= least && Number(text) <= most
    ? Number(text)
    : invalid(least === most ? String(least) : `a whole number from ${least} to ${most}`)

const oneOf = <T extends string>(text: string, values: readonly T[]): T =>
  values.find(value => value === text) ?? invalid(values.join(', ').replace(/, (?=[^,]*$)/, ' or '))

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new Error('names a file that cannot be read')
  }
}

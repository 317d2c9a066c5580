import { unwrapDriverError, fields } from './unwrap-driver-error.ts'

/**
 * One line for the operator on why the database can't be used, without the URL's password. Accepts
 * errors of the driver, of Prisma's client and of its schema engine.
 */
export function describeDatabaseError(error: unknown, url: string): string {
  const { kind, host, port, originalMessage, reason } = unwrapDriverError(error)
  if (kind === 'DatabaseNotReachable')
    return `can't reach the database at ${text(host)}${port === undefined ? '' : `:${text(port)}`}`
  if (kind === 'ConnectionClosed') return 'the connection to the database was lost'
  const message = text(
    originalMessage ??
      reason ??
      fields(error)['message'] ??
      (error instanceof Error ? error.message : (fields(error)['code'] ?? error))
  )
  // Prisma's first line only names the call. The rest is empty if a host name has several addresses
  // and none accepts a connection.
  const line =
    message
      .split('\n')
      .map(part => part.trim())
      .findLast(part => part !== '' && !/^Invalid `.*` invocation:$/.test(part)) ??
    text(fields(error)['code'] ?? 'the database failed without a reason')
  return passwordsIn(url).reduce((shown, password) => shown.replaceAll(password, '…'), line)
}

/** The password, percent-encoded as in the URL and decoded. */
function passwordsIn(url: string): string[] {
  const password = /^\w+:\/\/[^/@]*?:([^@]+)@/.exec(url)?.[1]
  if (password === undefined) return []
  try {
    return [decodeURIComponent(password), password]
  } catch {
    return [password]
  }
}

const text = (value: unknown) => (typeof value === 'string' ? value : String(value))

import { driverCause, fields } from './driver-cause.ts'

/**
 * One line for the operator on why the database can't be used, without the password that may be in the URL. Works for
 * what the driver, Prisma's client and its schema engine throw.
 */
export function databaseFailure (error: unknown, url: string): string {
  const { kind, host, port, originalMessage, reason } = driverCause(error)
  if (kind === 'DatabaseNotReachable') return `can't reach the database at ${text(host)}${port === undefined ? '' : `:${text(port)}`}`
  if (kind === 'ConnectionClosed') return 'the connection to the database broke'
  const message = text(originalMessage ?? reason ?? fields(error)['message'] ?? (error instanceof Error ? error.message : fields(error)['code'] ?? error))
  // Prisma's own first line says only where; what follows it is empty when a name has several addresses and none answers.
  const line = message.split('\n').map(part => part.trim()).findLast(part => part !== '' && !/^Invalid `.*` invocation:$/.test(part)) ??
    text(fields(error)['code'] ?? 'the database failed without a reason')
  const password = /^\w+:\/\/[^/@]*?:([^@]+)@/.exec(url)?.[1]
  return password === undefined ? line : line.replaceAll(password, '…')
}

const text = (value: unknown) => typeof value === 'string' ? value : String(value)

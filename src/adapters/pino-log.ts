import pino, { type Logger } from 'pino'
import pretty from 'pino-pretty'
import { logDestination } from './log-destination.ts'

/**
 * One JSON line for each event on standard output, with `gathering` up to 50 ms late; on a terminal, one at once that people can
 * read.
 */
export function pinoLog (level: string, { gathering }: { gathering: boolean }): Logger {
  const options = {
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    // What else hangs on an error (a query's values, a request's headers) stays out of the log.
    serializers: { err: ({ name, message, stack, code }: Error & { code?: unknown }) => ({ name, code, message, stack }) }
  }
  return process.stdout.isTTY
    ? pino(options, pretty({ sync: true, ignore: 'pid,hostname,reqId', translateTime: 'SYS:HH:MM:ss', singleLine: true }))
    : pino(options, logDestination({ gathering }))
}

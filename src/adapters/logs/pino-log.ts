import pino, { type Logger } from 'pino'
import pretty from 'pino-pretty'
import { createLogDestination } from './log-destination.ts'

/**
 * The log of a server on standard output: JSON lines, or readable lines on a terminal. With
 * `buffered`, JSON lines are written up to 50 ms late.
 */
export const createPinoLog = (level: string, { buffered }: { buffered: boolean }): Logger =>
  process.stdout.isTTY
    ? pino(
        optionsOf(level),
        pretty({
          sync: true,
          ignore: 'pid,hostname',
          translateTime: 'SYS:HH:MM:ss',
          singleLine: true
        })
      )
    : createJsonLog(level, { buffered })

/** Writes JSON lines to an open file, by default standard output. */
export const createJsonLog = (
  level: string,
  destination: Parameters<typeof createLogDestination>[0]
): Logger => pino(optionsOf(level), createLogDestination(destination))

const optionsOf = (level: string) => ({
  level,
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label: string) => ({ level: label }) },
  // Other fields of an error (a query's values, a request's headers) may contain secrets.
  serializers: {
    err: ({ name, message, stack, code }: Error & { code?: unknown }) => ({
      name,
      code,
      message,
      stack
    })
  }
})

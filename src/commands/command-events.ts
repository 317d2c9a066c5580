import { createSecurityLog } from '../adapters/logs/security-log.ts'
import type { Events } from '../domain/events.ts'

/**
 * Records events on standard error, as lines like those of a server's log. Records none on a
 * terminal, where the operator reads the output.
 */
export async function createCommandEvents(level: string): Promise<Events> {
  if (process.stderr.isTTY) return { record: () => {} }
  const { createJsonLog } = await import('../adapters/logs/pino-log.ts')
  return createSecurityLog(createJsonLog(level, { buffered: false, file: 2 }))
}

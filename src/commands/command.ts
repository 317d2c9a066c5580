import type { ParseArgsConfig } from 'node:util'
import type { Config } from '../config/config.ts'
import type { Clock } from '../domain/clock.ts'
import type { Events } from '../domain/events.ts'
import type { CountryCounts } from '../domain/messages/sms-pumping.ts'
import type { RateLimits } from '../domain/rate-limits/rate-limit.ts'
import type { UserDirectory } from '../domain/users/user-directory.ts'

/**
 * A command runs in two steps. `prepare` checks the operands and prompts for what is missing, while
 * the database stays free for the server. The function that it resolves to uses the database.
 */
export type Command = {
  operands: string[]
  /** How many of the last operands may be omitted. */
  optional?: number
  options?: NonNullable<ParseArgsConfig['options']>
  prepare: (
    given: { config: Config; options: Record<string, unknown> },
    ...operands: string[]
  ) => Promise<Run>
}
/** Resolves to the output, or to undefined if it has printed that. */
export type Run = (ports: {
  users: UserDirectory
  rateLimitsUnder: (secret: Buffer) => RateLimits
  countryCounts: CountryCounts
  events: Events
  clock: Clock
  print: (text: string) => Promise<boolean>
}) => Promise<string | undefined>

import type { Logger } from 'pino'
import { argon2Passwords } from './adapters/argon2-passwords.ts'
import { databaseOutage } from './adapters/database-outage.ts'
import { databaseReady } from './adapters/database-ready.ts'
import type { Database } from './adapters/database.ts'
import { countryOf } from './adapters/libphonenumber-phones.ts'
import { logEvents } from './adapters/log-events.ts'
import { prismaBudgets } from './adapters/prisma-budgets.ts'
import { prismaChallenges } from './adapters/prisma-challenges.ts'
import { prismaCountryTraffic } from './adapters/prisma-country-traffic.ts'
import { prismaSessions } from './adapters/prisma-sessions.ts'
import { prismaUsers } from './adapters/prisma-users.ts'
import type { Metrics } from './adapters/prometheus-metrics.ts'
import { terminalSms } from './adapters/terminal-sms.ts'
import { textableNumbers } from './adapters/textable-numbers-sms.ts'
import type { Config } from './config.ts'

/** The world as this configuration has it: all ports of the application. The first of `secrets` hides whom the budgets are for. */
export async function portsOf (config: Config, { prisma, engine }: Database, secrets: readonly [Buffer, ...Buffer[]], log: Logger, metrics: Metrics | undefined) {
  const { twilio, countries, policy } = config
  const events = metrics === undefined ? logEvents(log) : metrics.counting(logEvents(log))
  // The SDK takes a third of a second to load: only for those who use it.
  const sender = twilio === null ? terminalSms(console.log) : (await import('./adapters/twilio-sms.ts')).twilioSms(twilio, log)
  const budgets = prismaBudgets(prisma, secrets[0])
  return {
    users: prismaUsers(prisma, budgets),
    challenges: prismaChallenges(prisma, budgets),
    sessions: prismaSessions(prisma, budgets),
    passwords: await argon2Passwords(config.argon2),
    sms: textableNumbers(countries, sender, log),
    budgets,
    countryTraffic: prismaCountryTraffic(prisma, { ...policy.conversion, codeTtl: policy.codeTtl }, events),
    countryOf,
    events,
    clock: () => new Date(),
    isReady: () => databaseReady(engine),
    outageOf: (error: unknown) => databaseOutage(error, config.databaseUrl)
  }
}

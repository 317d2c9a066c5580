import { createCountryCounts } from '../../src/adapters/stores/country-counts.ts'
import { createRateLimitStore } from '../../src/adapters/stores/rate-limits.ts'
import type { Command } from '../../src/commands/command.ts'
import { readConfig } from '../../src/config/config.ts'
import type { startApp } from './start-app.ts'

type Service = Pick<
  Awaited<ReturnType<typeof startApp>>,
  'prisma' | 'users' | 'policy' | 'secrets' | 'clock' | 'ports'
>

/**
 * Runs a command in this process, on the database, the clock and the configuration of a service.
 * Resolves to its output. `withSecret: false` is an operator without the server's SECRET.
 */
export async function runCommandHere(
  commands: Readonly<Record<string, Command>>,
  { prisma, users, policy, secrets, clock, ports }: Service,
  [name = '', ...operands]: readonly string[],
  { json = false, withSecret = true } = {}
): Promise<string> {
  const command = commands[name]
  if (command === undefined) throw new Error(`there is no command ${name}`)
  const SECRET = secrets.map(secret => secret.toString('hex')).join(',')
  const config = { ...readConfig(withSecret ? { SECRET } : {}), production: true, policy }
  const run = await command.prepare({ config, options: { json } }, ...operands)
  const printed: string[] = []
  const output = await run({
    users,
    rateLimitsUnder: secret => createRateLimitStore(prisma, secret),
    countryCounts: createCountryCounts(prisma),
    events: ports.events,
    clock,
    print: async text => printed.push(text) > 0
  })
  return [...printed, ...(output === undefined ? [] : [output])].join('\n')
}

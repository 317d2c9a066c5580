import { parseArgs } from 'node:util'
import { failureLine } from '../adapters/postgres/classify-database-error.ts'
import { databaseName } from '../adapters/postgres/database-name.ts'
import { openDatabase, requireDatabase } from '../adapters/postgres/database.ts'
import { createCountryCounts } from '../adapters/stores/country-counts.ts'
import { createRateLimitStore } from '../adapters/stores/rate-limits.ts'
import { createUserDirectory } from '../adapters/stores/user-directory.ts'
import { loadConfig } from '../config/config.ts'
import type { Command } from './command.ts'
import { createCommandEvents } from './command-events.ts'
import { ensureMigrated } from './ensure-migrated.ts'
import { exitCodeOf } from './fail.ts'
import { print } from './print.ts'

/**
 * Runs one of these commands on the database and names it on standard error. Resolves to the exit
 * code: 0 done, 1 failed with one line, 2 wrong usage.
 */
export async function runCommand(
  commands: Readonly<Record<string, Command>>,
  usage: string,
  [name = '', ...words]: string[]
): Promise<number> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  const given = command && parseWords(command, words)
  if (command === undefined || given === undefined) {
    process.stderr.write(usage)
    return 2
  }
  let url = ''
  let where = ''
  try {
    const config = loadConfig()
    url = config.databaseUrl
    // Before the command prompts for a password.
    requireDatabase(url)
    const run = await command.prepare({ config, options: given.options }, ...given.operands)
    const events = await createCommandEvents(config.logLevel)
    const database = await openDatabase(url, { join: true, poolSize: 1 })
    where = `Database: ${databaseName(url)}`
    let output: string | undefined
    try {
      await ensureMigrated(database, config)
      output = await run({
        users: createUserDirectory(database.prisma),
        rateLimitsUnder: secret => createRateLimitStore(database.prisma, secret),
        countryCounts: createCountryCounts(database.prisma),
        events,
        clock: () => new Date(),
        print
      })
    } finally {
      await database.close()
    }
    if (output !== undefined) await print(output)
    console.error(where)
    return 0
  } catch (error) {
    const line = failureLine(error, url)
    console.error(where === '' ? line : `${line} (${where})`)
    return exitCodeOf(error)
  }
}

/** Undefined for wrong usage. Everything after `--` is an operand, and so is a single hyphen. */
function parseWords({ operands, optional = 0, options = {} }: Command, words: string[]) {
  try {
    const { values, positionals } = parseArgs({ args: words, options, allowPositionals: true })
    const missing = operands.length - positionals.length
    return missing < 0 || missing > optional
      ? undefined
      : { options: values, operands: positionals }
  } catch {
    // An unknown option, or one without its value.
    return undefined
  }
}

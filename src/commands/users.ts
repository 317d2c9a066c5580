import { parseArgs } from 'node:util'
import { failureLine } from '../adapters/postgres/classify-database-error.ts'
import { databaseName } from '../adapters/postgres/database-name.ts'
import { openDatabase, requireDatabase } from '../adapters/postgres/database.ts'
import { createRateLimitStore } from '../adapters/stores/rate-limits.ts'
import { createUserDirectory } from '../adapters/stores/user-directory.ts'
import { loadConfig } from '../config/config.ts'
import type { Command } from './command.ts'
import { createCommandEvents } from './command-events.ts'
import { ensureMigrated } from './ensure-migrated.ts'
import { exitCodeOf } from './fail.ts'
import { print } from './print.ts'
import { userCommands } from './user-commands.ts'

const usage = `Usage: npm run users -- <command>

  add <username> <+E164 phone> [language]
                                      add a user; the password comes from standard input or a prompt
  import <file> [options]             add the users of a file, or of standard input for -:
                                      --format ndjson|csv|django, --default-country <code>,
                                      --phones <csv>, --dry-run
  list [--json]                       list all users
  search <prefix> [--json]            list the users whose usernames begin with the prefix
  show <username> [--json]            show everything about a user, and why they cannot log in
  rename <username> <new username>    change the username
  delete <username> [--yes]           delete the user; on a terminal it asks first, without --yes
  disable <username>                  refuse the user's logins and tokens
  enable <username>                   allow them again
  unlock <username>                   reset the user's lockouts and rate limits
  set-phone <username> <+E164 phone>  send the user's codes to another number
  set-locale <username> <language>    send the user's messages in a language, such as de or pt-BR;
                                      auto: in the language that the app requests
  set-claims <username> <json>        replace the claims that access tokens contain, such as
                                      '{"roles": ["admin"]}'; {} or null removes all
  set-password <username>             replace the password; it comes from standard input or a prompt
  sessions <username>                 list the user's sessions
  logout <username>                   end all of the user's sessions

disable, set-phone and set-password also end all of the user's sessions.
set-password also does what unlock does. So does set-phone, except for wrong passwords.
--json prints a JSON object per line, with phone numbers in full.
`

/** Runs one command. Resolves to the exit code: 0 done, 1 failed with one line, 2 wrong usage. */
async function main([name = '', ...words]: string[]): Promise<number> {
  const command = Object.hasOwn(userCommands, name) ? userCommands[name] : undefined
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
        events,
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

process.exitCode = await main(process.argv.slice(2))

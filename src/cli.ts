import { text } from 'node:stream/consumers'
import { read } from 'read'
import { argon2Passwords } from './adapters/argon2-passwords.ts'
import { databaseFailure } from './adapters/database-failure.ts'
import { openDatabase } from './adapters/database.ts'
import { whyNotPhone } from './adapters/libphonenumber-phones.ts'
import { localFolder, localSecret } from './adapters/local-keys.ts'
import { prismaBudgets } from './adapters/prisma-budgets.ts'
import { prismaUserDirectory } from './adapters/prisma-user-directory.ts'
import { commonPasswords } from './adapters/zxcvbn-common-passwords.ts'
import { bringUpToDate } from './bring-up-to-date.ts'
import { loadConfig, type Config } from './config.ts'
import type { Budgets } from './domain/budgets.ts'
import { isLocked } from './domain/code-lock.ts'
import { findWording } from './domain/find-wording.ts'
import { maskPhone } from './domain/mask-phone.ts'
import { whyNotPassword } from './domain/password-policy.ts'
import { passwordBudgets } from './domain/password-tries.ts'
import type { UserDirectory } from './domain/user-directory.ts'
import { usernameKey, usernamePattern } from './domain/username.ts'
import { refuse } from './refuse.ts'

const usage = `Usage: npm run users -- <command>

  add <username> <+E164 phone> [language]
                                      add a person; the password is read from standard input, or asked for
  list                                show everybody
  disable <username>                  refuse this person's logins and tokens
  enable <username>                   allow them again
  unlock <username>                   forget this person's wrong codes and passwords, and let them try again
  set-phone <username> <+E164 phone>  send this person's codes to another number
  set-locale <username> <language>    text this person in that language: de, pt-BR; auto: in what their app asks for
  set-password <username>             replace the password; read from standard input, or asked for
  sessions <username>                 show where this person is logged in
  logout <username>                   end all of this person's sessions

disable, set-phone and set-password end the person's sessions as well.
`

/**
 * What a command does comes in two parts. `prepare` checks what can be checked and asks for what is missing: while
 * somebody thinks about a password, the database stays free for the server. What it resolves to is done on the users. Of the
 * operands the `optional` last ones may be left out.
 */
type Command = { operands: string[], optional?: number, prepare: (config: Config, ...operands: string[]) => Promise<Deed> }
type Deed = (users: UserDirectory, budgetsOf: (secret: Buffer) => Budgets) => Promise<string>

const commands: Record<string, Command> = {
  add: {
    operands: ['username', 'phone', 'language'],
    optional: 1,
    async prepare (config, username = '', phone = '', language = 'auto') {
      checkUsername(username)
      checkPhone(phone, config)
      const locale = localeOf(language, config)
      const passwordDigest = await digestOfNewPassword(username, config)
      return async users => {
        if (!await users.add({ username, phone, locale, passwordDigest })) refuse(`There is a user named ${username} already.`)
        return `Added ${username}, whose codes go to ${maskPhone(phone)}.`
      }
    }
  },
  list: {
    operands: [],
    prepare: async config => async users => {
      const all = await users.list()
      const width = Math.max(0, ...all.map(({ username }) => username.length))
      const rows = all.map(({ username, phone, locale, disabled, ...person }) => {
        const state = disabled ? 'disabled' : isLocked(person, config.policy.limits.codeFailures, new Date()) ? 'locked' : 'enabled'
        return [username.padEnd(width), (phone === null ? 'no phone' : maskPhone(phone)).padEnd(14), state.padEnd(8), locale ?? ''].join('  ').trimEnd()
      })
      return rows.length === 0 ? 'There are no users yet.' : rows.join('\n')
    }
  },
  disable: {
    operands: ['username'],
    prepare: async (_config, username = '') => changing(username, { disabled: true },
      `Disabled ${username}: no new logins, and all sessions have ended. ${outlived}`)
  },
  enable: {
    operands: ['username'],
    prepare: async (_config, username = '') => changing(username, { disabled: false }, `Enabled ${username}.`)
  },
  unlock: {
    operands: ['username'],
    async prepare ({ production, secrets }, username = '') {
      if (production && secrets === undefined) refuse('SECRET must be set to what the server has.')
      const ring = secrets ?? [localSecret(localFolder)]
      return async (users, budgetsOf) => {
        if (!await users.unlock(username)) refuse(noSuchUser(username))
        // While secrets are changed, some servers count under one of them and some under another.
        for (const secret of ring) await budgetsOf(secret).clear(passwordBudgets, { username: usernameKey(username) })
        return `Unlocked ${username}. Where wrong passwords were refused, that may go on for another minute.`
      }
    }
  },
  'set-phone': {
    operands: ['username', 'phone'],
    async prepare (config, username = '', phone = '') {
      checkPhone(phone, config)
      return changing(username, { phone }, `Codes for ${username} go to ${maskPhone(phone)} from now on. All sessions have ended.`)
    }
  },
  'set-locale': {
    operands: ['username', 'language'],
    async prepare (config, username = '', language = '') {
      const locale = localeOf(language, config)
      return async users => {
        if (!await users.setLocale(username, locale)) refuse(noSuchUser(username))
        return `${username} is texted in ${locale ?? 'the language that the app asks for'} from now on.`
      }
    }
  },
  'set-password': {
    operands: ['username'],
    async prepare (config, username = '') {
      checkUsername(username)
      const passwordDigest = await digestOfNewPassword(username, config)
      return changing(username, { passwordDigest }, `Set a new password for ${username}. All sessions have ended.`)
    }
  },
  sessions: {
    operands: ['username'],
    prepare: async (_config, username = '') => async users => {
      const sessions = await users.sessions(username, new Date()) ?? refuse(noSuchUser(username))
      const rows = sessions.map(({ client, createdAt, lastUsedAt }) => `since ${minute(createdAt)}, last used ${minute(lastUsedAt)}  ${client ?? 'unknown client'}`)
      return rows.length === 0 ? `${username} is not logged in.` : rows.join('\n')
    }
  },
  logout: {
    operands: ['username'],
    prepare: async (_config, username = '') => async users => {
      const ended = await users.logOut(username, new Date()) ?? refuse(noSuchUser(username))
      return ended === 0 ? `${username} was not logged in.` : `Ended ${ended} session${ended === 1 ? '' : 's'} of ${username}. ${outlived}`
    }
  }
}

// An operator must know what a command doesn't reach.
const outlived = 'Other services take the access tokens that are out until they expire.'

/** To the minute, in UTC: 2026-01-31 12:00Z. */
const minute = (time: Date) => `${time.toISOString().slice(0, 16).replace('T', ' ')}Z`

function changing (username: string, change: Parameters<UserDirectory['change']>[1], done: string): Deed {
  return async users => {
    if (!await users.change(username, change)) refuse(noSuchUser(username))
    return done
  }
}

const noSuchUser = (username: string) => `There is no user named ${username.replaceAll(/\s+/g, ' ')}.`

function checkUsername (username: string) {
  if (!usernamePattern.test(username)) refuse('The username must be 1 to 64 letters, digits or any of . _ @ + -')
}

function checkPhone (phone: string, { countries }: Config) {
  const reason = whyNotPhone(phone, countries)
  if (reason !== undefined) refuse(reason)
}

/** A language that there are words for, in its canonical form; null for `auto`. */
function localeOf (language: string, { policy: { texts: { wordings } } }: Config): string | null {
  if (language === 'auto') return null
  const found = findWording(wordings, [language])
  if (found === undefined) refuse(`The language must be auto or one that there are texts in (${wordings.map(({ language }) => language).join(', ')}), like pt or pt-BR.`)
  return new Intl.Locale(language).baseName
}

async function digestOfNewPassword (username: string, { argon2 }: Config) {
  const password = process.stdin.isTTY ? await ask(`Password for ${username}: `) : (await text(process.stdin)).replace(/\r?\n$/, '')
  const reason = whyNotPassword(password, username, commonPasswords())
  if (reason !== undefined) refuse(reason)
  return (await argon2Passwords(argon2)).hash(password)
}

async function ask (prompt: string) {
  try {
    return await read({ prompt, silent: true, replace: '', output: process.stderr })
  } finally {
    // Nothing typed is shown, the end of the line neither.
    process.stderr.write('\n')
  }
}

/** Runs one command. Resolves to the exit code: 0 done, 1 refused with one line on standard error, 2 wrong usage. */
async function main (words: string[]): Promise<number> {
  const [name, ...operands] = words
  const command = Object.hasOwn(commands, name ?? '') ? commands[name ?? ''] : undefined
  if (command === undefined || operands.length > command.operands.length || operands.length < command.operands.length - (command.optional ?? 0)) {
    process.stderr.write(usage)
    return 2
  }
  let url = ''
  try {
    const config = loadConfig()
    const deed = await command.prepare(config, ...operands)
    url = config.databaseUrl
    const database = await openDatabase(url, { join: true, poolSize: 1 })
    try {
      await bringUpToDate(database, config)
      process.stdout.write(`${await deed(prismaUserDirectory(database.prisma), secret => prismaBudgets(database.prisma, secret))}\n`)
    } finally {
      await database.close()
    }
    return 0
  } catch (error) {
    console.error(databaseFailure(error, url))
    return 1
  }
}

process.exitCode = await main(process.argv.slice(2))

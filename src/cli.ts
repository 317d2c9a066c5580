import { text } from 'node:stream/consumers'
import { read } from 'read'
import { argon2Passwords } from './adapters/argon2-passwords.ts'
import { databaseFailure } from './adapters/database-failure.ts'
import { openDatabase } from './adapters/database.ts'
import { whyNotPhone } from './adapters/libphonenumber-phones.ts'
import { migrate } from './adapters/migrations.ts'
import { prismaUserDirectory } from './adapters/prisma-user-directory.ts'
import { commonPasswords } from './adapters/zxcvbn-common-passwords.ts'
import { loadConfig, type Config } from './config.ts'
import { maskPhone } from './domain/mask-phone.ts'
import { whyNotPassword } from './domain/password-policy.ts'
import type { UserDirectory } from './domain/user-directory.ts'
import { usernamePattern } from './domain/username.ts'

const usage = `Usage: npm run users -- <command>

  add <username> <+E164 phone>        add a person; the password is read from standard input, or asked for
  list                                show everybody
  disable <username>                  refuse this person's logins and tokens
  enable <username>                   allow them again
  set-phone <username> <+E164 phone>  send this person's codes to another number
  set-password <username>             replace the password; read from standard input, or asked for
`

/** Something the operator asked for that can't be done, told in one line. */
const refuse = (reason: string): never => { throw new Error(reason) }

type Command = { operands: string[], run: (users: UserDirectory, config: Config, ...operands: string[]) => Promise<string> }

const commands: Record<string, Command> = {
  add: {
    operands: ['username', 'phone'],
    async run (users, config, username = '', phone = '') {
      if (!usernamePattern.test(username)) refuse('The username must be 1 to 64 letters, digits or any of . _ @ + -')
      checkPhone(phone, config)
      const passwordDigest = await digestOfNewPassword(username, config)
      if (!await users.add({ username, phone, passwordDigest })) refuse(`There is a user named ${username} already.`)
      return `Added ${username}, whose codes go to ${maskPhone(phone)}.`
    }
  },
  list: {
    operands: [],
    async run (users) {
      const all = await users.list()
      const width = Math.max(0, ...all.map(({ username }) => username.length))
      const rows = all.map(({ username, phone, disabled }) =>
        [username.padEnd(width), (phone === null ? 'no phone' : maskPhone(phone)).padEnd(14), disabled ? 'disabled' : 'enabled'].join('  '))
      return rows.length === 0 ? 'There are no users yet.' : rows.join('\n')
    }
  },
  disable: {
    operands: ['username'],
    async run (users, _config, username = '') {
      await change(users, username, { disabled: true })
      return `Disabled ${username}: no new logins, and /me refuses the tokens that are out. Other services take them until they expire.`
    }
  },
  enable: {
    operands: ['username'],
    async run (users, _config, username = '') {
      await change(users, username, { disabled: false })
      return `Enabled ${username}.`
    }
  },
  'set-phone': {
    operands: ['username', 'phone'],
    async run (users, config, username = '', phone = '') {
      checkPhone(phone, config)
      await change(users, username, { phone })
      return `Codes for ${username} go to ${maskPhone(phone)} from now on.`
    }
  },
  'set-password': {
    operands: ['username'],
    async run (users, config, username = '') {
      await change(users, username, { passwordDigest: await digestOfNewPassword(username, config) })
      return `Set a new password for ${username}.`
    }
  }
}

async function change (users: UserDirectory, username: string, what: Parameters<UserDirectory['change']>[1]) {
  if (!await users.change(username, what)) refuse(`There is no user named ${username}.`)
}

function checkPhone (phone: string, { countries }: Config) {
  const reason = whyNotPhone(phone, countries)
  if (reason !== undefined) refuse(reason)
}

async function digestOfNewPassword (username: string, { argon2 }: Config) {
  const password = process.stdin.isTTY
    ? await read({ prompt: `Password for ${username}: `, silent: true, replace: '' })
    : (await text(process.stdin)).replace(/\r?\n$/, '')
  const reason = whyNotPassword(password, username, commonPasswords())
  if (reason !== undefined) refuse(reason)
  return (await argon2Passwords(argon2)).hash(password)
}

/** Runs one command. Resolves to the exit code: 0 done, 1 refused with one line on standard error, 2 wrong usage. */
async function main (words: string[]): Promise<number> {
  const [name, ...operands] = words
  const command = Object.hasOwn(commands, name ?? '') ? commands[name ?? ''] : undefined
  if (command === undefined || operands.length !== command.operands.length) {
    process.stderr.write(usage)
    return 2
  }
  let url = ''
  try {
    const config = loadConfig()
    url = config.databaseUrl
    const database = await openDatabase(url, { join: true, poolSize: 1 })
    try {
      if (url.startsWith('pglite:')) await migrate(database.engine)
      process.stdout.write(`${await command.run(prismaUserDirectory(database.prisma), config, ...operands)}\n`)
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

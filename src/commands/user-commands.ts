import type { Config } from '../config/config.ts'
import { Refusal } from '../domain/refusal.ts'
import { maskPhone } from '../domain/users/mask-phone.ts'
import { unlockUser, type Unlocked } from '../domain/login/unlock-user.ts'
import { recordChange } from '../domain/users/record-change.ts'
import type { UserDirectory } from '../domain/users/user-directory.ts'
import type { Command, Run } from './command.ts'
import { confirmDeletion } from './confirm-deletion.ts'
import { describeUnlocked } from './describe-unlocked.ts'
import { fail, noSuchUser, oneLine } from './fail.ts'
import { formatMinute } from './format-minute.ts'
import { importCommand } from './import/import-command.ts'
import { listUsers } from './list-users.ts'
import { secretIsMissing, serverSecrets } from './server-secrets.ts'
import { showUser } from './show-user.ts'
import { checkUsername, claimsOf, digestOfNewPassword, localeOf, phoneOf } from './user-input.ts'

const json = { json: { type: 'boolean' } } as const

export const userCommands: Record<string, Command> = {
  add: {
    operands: ['username', 'phone', 'language'],
    optional: 1,
    async prepare({ config }, username = '', operand = '', language = 'auto') {
      checkUsername(username)
      const phone = phoneOf(operand, config)
      const locale = localeOf(language, config)
      const passwordDigest = await digestOfNewPassword(username, config)
      return async ({ users, events }) => {
        const { id: userId } =
          (await users.add({ username, phone, locale, passwordDigest })) ??
          fail(alreadyExists(username))
        events.record({ name: 'user.created', context: null, userId, actor: 'operator' })
        return isTest(phone, config)
          ? `Added ${username} with the test number ${maskPhone(phone)}, which gets no messages.`
          : `Added ${username}, whose codes go to ${maskPhone(phone)}.`
      }
    }
  },
  import: importCommand,
  list: {
    operands: [],
    options: json,
    prepare: async ({ config, options }) =>
      listUsers({}, config, { json: options['json'] === true, none: 'There are no users yet.' })
  },
  search: {
    operands: ['prefix'],
    options: json,
    prepare: async ({ config, options }, prefix = '') =>
      listUsers({ search: prefix }, config, {
        json: options['json'] === true,
        none: `No username begins with ${oneLine(prefix)}.`
      })
  },
  show: {
    operands: ['username'],
    options: json,
    prepare: async ({ config, options }, username = '') =>
      showUser(username, config, { json: options['json'] === true })
  },
  rename: {
    operands: ['username', 'new username'],
    async prepare(_given, username = '', newUsername = '') {
      checkUsername(newUsername)
      const rename = changeUser(
        username,
        { username: newUsername },
        `Renamed ${username} to ${newUsername}. Sessions continue.`
      )
      return ports =>
        rename(ports).catch(error => {
          if (error instanceof Refusal && error.slug === 'username-taken')
            fail(alreadyExists(newUsername))
          throw error
        })
    }
  },
  delete: {
    operands: ['username'],
    options: { yes: { type: 'boolean' } },
    async prepare({ options }, username = '') {
      if (options['yes'] !== true) await confirmDeletion(username)
      return async ({ users, events }) => {
        const { id: userId } = (await users.delete({ username })) ?? noSuchUser(username)
        events.record({ name: 'user.deleted', context: null, userId, actor: 'operator' })
        return [
          `Deleted ${username} with all sessions, pending codes and claims.`,
          `The log still has the id ${userId}. Rate limits have keyed hashes of the username and`,
          `the number until they expire. ${tokenNotice}`
        ].join('\n')
      }
    }
  },
  disable: {
    operands: ['username'],
    prepare: async (_given, username = '') =>
      changeUser(
        username,
        { disabled: true },
        `Disabled ${username}: no new logins, and all sessions have ended. ${tokenNotice}`
      )
  },
  enable: {
    operands: ['username'],
    prepare: async (_given, username = '') =>
      changeUser(username, { disabled: false }, `Enabled ${username}.`)
  },
  unlock: {
    operands: ['username'],
    async prepare({ config }, username = '') {
      const secrets = serverSecrets(config)
      if (secrets.length === 0) fail(secretIsMissing)
      return async ports => {
        const cleared = await unlock(ports, secrets, username)
        return [
          `Unlocked ${username}. A running server may refuse logins for another five seconds.`,
          ...describeUnlocked(cleared)
        ].join('\n')
      }
    }
  },
  'set-phone': {
    operands: ['username', 'phone'],
    async prepare({ config }, username = '', operand = '') {
      const phone = phoneOf(operand, config)
      const change = changeUser(
        username,
        { phone },
        isTest(phone, config)
          ? `${username} now has the test number ${maskPhone(phone)}, which gets no messages. ` +
              'All sessions have ended.'
          : `Codes for ${username} now go to ${maskPhone(phone)}. All sessions have ended.`
      )
      return withReset(change, username, config, { passwords: false })
    }
  },
  'set-locale': {
    operands: ['username', 'language'],
    async prepare({ config }, username = '', operand = '') {
      const locale = localeOf(operand, config)
      const language = locale ?? 'the language that the app requests'
      return changeUser(username, { locale }, `Messages to ${username} are now in ${language}.`)
    }
  },
  'set-claims': {
    operands: ['username', 'json'],
    async prepare(_given, username = '', operand = '') {
      const claims = claimsOf(operand)
      const [verb, them] = Object.keys(claims).length > 0 ? ['Set', 'them'] : ['Removed', 'none']
      return changeUser(
        username,
        { claims },
        `${verb} the claims of ${username}. ` +
          `Access tokens contain ${them} from the next login or refresh on.`
      )
    }
  },
  'set-password': {
    operands: ['username'],
    async prepare({ config }, username = '') {
      checkUsername(username)
      const passwordDigest = await digestOfNewPassword(username, config)
      const change = changeUser(
        username,
        { passwordDigest },
        `Set a new password for ${username}. All sessions have ended.`
      )
      return withReset(change, username, config)
    }
  },
  sessions: {
    operands: ['username'],
    prepare:
      async (_given, username = '') =>
      async ({ users }) => {
        const sessions = (await users.sessions({ username }, new Date())) ?? noSuchUser(username)
        const rows = sessions.map(({ client, createdAt, lastUsedAt }) => {
          const times = `since ${formatMinute(createdAt)}, last used ${formatMinute(lastUsedAt)}`
          return `${times}  ${client ?? 'unknown client'}`
        })
        return rows.length === 0 ? `${username} is not logged in.` : rows.join('\n')
      }
  },
  logout: {
    operands: ['username'],
    prepare:
      async (_given, username = '') =>
      async ({ users, events }) => {
        const { id: userId, ended } =
          (await users.logOut({ username }, new Date())) ?? noSuchUser(username)
        if (ended === 0) return `${username} was not logged in.`
        events.record({ name: 'user.sessions_ended', context: null, userId, actor: 'operator' })
        return `Ended ${ended} session${ended === 1 ? '' : 's'} of ${username}. ${tokenNotice}`
      }
  }
}

/** What a command can't revoke. */
const tokenNotice = 'Other services accept issued access tokens until they expire.'

function changeUser(
  username: string,
  change: Parameters<UserDirectory['change']>[1],
  output: string
): Run {
  return async ({ users, events }) => {
    const { user } = (await users.change({ username }, change, new Date())) ?? noSuchUser(username)
    recordChange({ events }, 'operator', user.id, change)
    return output
  }
}

/**
 * After `change`, resets the lockouts and rate limits that an attacker with the old password or
 * number may have exhausted. Without the server's secret it resets only the lockouts.
 */
const withReset = (
  change: Run,
  username: string,
  config: Config,
  options: Parameters<typeof unlockUser>[2] = {}
): Run => {
  const secrets = serverSecrets(config)
  return async ports => {
    const output = await change(ports)
    await unlock(ports, secrets, username, options)
    if (secrets.length > 0) return output
    const remedy = `Set SECRET to the server's and run unlock ${username}.`
    return `${output}\nRate limits were not reset. ${remedy}`
  }
}

async function unlock(
  { users, rateLimitsUnder, events }: Parameters<Run>[0],
  secrets: readonly Buffer[],
  username: string,
  options: Parameters<typeof unlockUser>[2] = {}
): Promise<Unlocked> {
  const rateLimits = secrets.map(rateLimitsUnder)
  const unlocked =
    (await unlockUser({ users, rateLimits }, { username }, options)) ?? noSuchUser(username)
  const { id: userId } = unlocked.user
  events.record({ name: 'user.unlocked', context: null, userId, actor: 'operator' })
  return unlocked
}

const isTest = (phone: string, { policy }: Config) => policy.testNumbers.has(phone)

const alreadyExists = (username: string) => `There is already a user named ${username}.`

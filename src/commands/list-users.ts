import type { Config } from '../config/config.ts'
import { isLocked, lockoutOf } from '../domain/codes/lockout.ts'
import { maskPhone } from '../domain/users/mask-phone.ts'
import { toUserView } from '../domain/users/user-view.ts'
import type { ManagedUser, UserFilter } from '../domain/users/user-directory.ts'
import type { Run } from './command.ts'

/** Users read at once, so that any number of users takes the same memory. */
const pageSize = 500

/**
 * Prints the users that `filter` selects, as a table or, with `json`, one JSON object per line.
 * Reads the next page when the reader has taken the previous one, and stops when the reader has
 * closed the pipe. Prints `none` if the table is empty.
 */
export const listUsers =
  (filter: UserFilter, config: Config, { json, none }: { json: boolean; none: string }): Run =>
  async ({ users, print }) => {
    const toLines = json ? toJsonLines : toTable
    let after: string | undefined
    do {
      const page = await users.page(filter, pageSize, after)
      if (page.users.length === 0) return json ? undefined : none
      if (!(await print(toLines(page.users, config)))) return undefined
      after = page.next ?? undefined
    } while (after !== undefined)
    return undefined
  }

const toJsonLines = (users: ManagedUser[]) =>
  users.map(user => JSON.stringify(toUserView(user, new Date()))).join('\n')

function toTable(users: ManagedUser[], config: Config): string {
  const width = Math.max(...users.map(({ username }) => username.length))
  return users
    .map(user =>
      [
        user.username.padEnd(width),
        (user.phone === null ? 'no phone' : maskPhone(user.phone)).padEnd(14),
        stateOf(user, config).padEnd(8),
        user.locale ?? ''
      ]
        .join('  ')
        .trimEnd()
    )
    .join('\n')
}

function stateOf(user: ManagedUser, { policy }: Config): string {
  if (user.disabled) return 'disabled'
  const lockouts = [
    { kind: 'login', state: 'locked' },
    { kind: 'confirmation', state: 'confirmations locked' },
    { kind: 'phone-change', state: 'phone changes locked' }
  ] as const
  return (
    lockouts
      .filter(({ kind }) => isLocked(lockoutOf(user, kind), policy.limits.codeFailures, new Date()))
      .map(({ state }) => state)
      .join(', ') || 'enabled'
  )
}

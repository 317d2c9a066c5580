import { lockoutOf } from '../domain/codes/lockout.ts'
import type { LockoutKind } from '../domain/codes/purpose.ts'
import type { Unlocked } from '../domain/login/unlock-user.ts'
import { lockoutNames } from './lockout-names.ts'

/** What `unlock` reset, one line for each kind, and what it cannot reset. */
export function describeUnlocked({ user, limits }: Unlocked): string[] {
  const codes = (Object.keys(lockoutNames) as LockoutKind[]) // Object.keys widens to string.
    .map(kind => ({ kind, failures: lockoutOf(user, kind).codeFailures }))
    .filter(({ failures }) => failures > 0)
    .map(({ kind, failures }) => `${lockoutNames[kind]}: ${failures} wrong in a row`)
  const counts = [...new Set(limits)].sort().map(name => `rate limit ${name}`)
  const cleared = [...codes, ...counts].map(line => `Reset ${line}.`)
  return [
    ...(cleared.length === 0 ? ['There was nothing to reset.'] : cleared),
    'Not reset: limits of an address, a country and in total; see npm run limits.'
  ]
}

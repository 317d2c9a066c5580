import type { Claims } from './claims.ts'
import { factorsOf, type Factors } from './factors.ts'
import type { ManagedUser } from './user-directory.ts'

/** A user as the admin API and the output `--json` of commands show them. */
export type UserView = {
  id: string
  username: string
  /** In full. */
  phone: string | null
  locale: string | null
  claims: Claims
  disabled: boolean
  createdAt: Date
  lastLoginAt: Date | null
  phoneChangedAt: Date | null
  codeFailures: number
  /** When the lockout of logins ends. Null if there is none. */
  lockedUntil: Date | null
  factors: Factors
}

export const toUserView = (user: ManagedUser, now: Date): UserView => ({
  id: user.id,
  username: user.username,
  phone: user.phone,
  locale: user.locale,
  claims: user.claims,
  disabled: user.disabled,
  createdAt: user.createdAt,
  lastLoginAt: user.lastLoginAt,
  phoneChangedAt: user.phoneChangedAt,
  codeFailures: user.codeFailures,
  lockedUntil:
    user.codeLockedUntil !== null && user.codeLockedUntil > now ? user.codeLockedUntil : null,
  factors: factorsOf(user)
})

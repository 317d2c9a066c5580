import type { CodeRecord } from '../codes/last-code.ts'
import type { Lockouts } from '../codes/lockout.ts'
import type { Session } from '../sessions/session.ts'
import type { User } from './user.ts'

/** A user as operators and the admin API see them. It contains no secret. */
export type ManagedUser = Omit<User, 'passwordDigest'> & {
  /** The kind of the password digest, for example `argon2id`. */
  passwordKind: string
  createdAt: Date
  /** When a code last completed a login. */
  lastLoginAt: Date | null
  /** When the number was last replaced or removed. */
  phoneChangedAt: Date | null
}

/** Names one user. Usernames are compared by their `usernameKey`. */
export type UserRef = { id: string } | { username: string }

type Writable = Pick<
  User,
  'username' | 'passwordDigest' | 'phone' | 'locale' | 'disabled' | 'claims'
>

export type NewUser = Pick<Writable, 'username' | 'passwordDigest' | 'phone'> & Partial<Writable>

/** Selects users, by exact values or by a prefix of the username (`search`). */
export type UserFilter = { username?: string; phone?: string; search?: string }

/** A page of users, ordered by the UTF-8 bytes of the username key. */
export type UserPage = {
  users: ManagedUser[]
  /** The username key to continue after. Null on the last page. */
  next: string | null
}

/** A user, with the state of all lockouts. */
export type LockedUser = Pick<User, 'id' | 'username' | 'phone'> & Lockouts

/** The users, as operators and the admin API manage them. */
export type UserDirectory = {
  /** Null when the username is taken. */
  add: (user: NewUser) => Promise<ManagedUser | null>
  /** Adds the users whose usernames are not taken. Resolves to the username keys of those. */
  addAll: (users: readonly NewUser[]) => Promise<ReadonlySet<string>>
  /** The username keys of those usernames that are taken. */
  existing: (usernames: readonly string[]) => Promise<ReadonlySet<string>>
  /** Null when there is no such user. */
  find: (user: UserRef) => Promise<ManagedUser | null>
  /**
   * At most `limit` users after the username key `after`. The cost does not depend on the number of
   * users.
   */
  page: (filter: UserFilter, limit: number, after?: string) => Promise<UserPage>
  isEmpty: () => Promise<boolean>
  /**
   * A new password or number, and disabling, also end the user's sessions and pending challenges.
   * `previousPhone` is the number before the change. Null when there is no such user. Throws
   * `username-taken`.
   */
  change: (
    user: UserRef,
    change: Partial<Writable>,
    now: Date
  ) => Promise<{ user: ManagedUser; previousPhone: string | null } | null>
  /** Deletes the user with all challenges and sessions. Null when there is no such user. */
  delete: (user: UserRef) => Promise<Pick<User, 'id'> | null>
  /**
   * Resets all lockouts of a user. Resolves to the user as they were before, whose rate limits the
   * caller has to reset as well (see `unlockUser`); null when there is no such user.
   */
  unlock: (user: UserRef) => Promise<LockedUser | null>
  /** What became of the user's newest codes, one for each purpose. */
  codes: (user: UserRef) => Promise<CodeRecord[]>
  /** The user's live sessions, the most recently used first. Null when there is no such user. */
  sessions: (
    user: UserRef,
    now: Date
  ) => Promise<Pick<Session, 'id' | 'client' | 'createdAt' | 'lastUsedAt'>[] | null>
  /** Ends all sessions of a user. `ended` is their number. Null when there is no such user. */
  logOut: (user: UserRef, now: Date) => Promise<{ id: string; ended: number } | null>
}

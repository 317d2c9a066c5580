import type { Session } from './session.ts'
import type { User } from './user.ts'

/** The people who may log in, as the operator sees them. */
export type UserDirectory = {
  /** False when the username is taken. */
  add: (user: Pick<User, 'username' | 'passwordDigest' | 'phone'> & Partial<Pick<User, 'locale'>>) => Promise<boolean>
  /** In the order of their names. */
  list: () => Promise<Pick<User, 'username' | 'phone' | 'locale' | 'disabled' | 'codeFailures' | 'codeLockedUntil'>[]>
  isEmpty: () => Promise<boolean>
  /** Ends the person's pending login as well, and all their sessions. False when there is no such person. */
  change: (username: string, change: Partial<Pick<User, 'passwordDigest' | 'phone' | 'disabled'>>) => Promise<boolean>
  /** Ends nothing. False when there is no such person. */
  setLocale: (username: string, locale: string | null) => Promise<boolean>
  /** Forgets the wrong codes of a person. False when there is no such person. */
  unlock: (username: string) => Promise<boolean>
  /** A person's live sessions, the latest used first. Null when there is no such person. */
  sessions: (username: string, now: Date) => Promise<Pick<Session, 'client' | 'createdAt' | 'lastUsedAt'>[] | null>
  /** Ends all sessions of a person, and resolves to how many there were. Null when there is no such person. */
  logOut: (username: string, now: Date) => Promise<number | null>
}

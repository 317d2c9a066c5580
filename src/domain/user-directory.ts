import type { User } from './user.ts'

/** The people who may log in, as the operator sees them. A change ends the login a person has pending. */
export type UserDirectory = {
  /** False when the username is taken. */
  add: (user: Pick<User, 'username' | 'passwordDigest' | 'phone'>) => Promise<boolean>
  /** In the order of their names. */
  list: () => Promise<Pick<User, 'username' | 'phone' | 'disabled' | 'codeFailures' | 'codeLockedUntil'>[]>
  isEmpty: () => Promise<boolean>
  /** False when there is no such person. */
  change: (username: string, change: Partial<Pick<User, 'passwordDigest' | 'phone' | 'disabled'>>) => Promise<boolean>
  /** Forgets the wrong codes of a person. False when there is no such person. */
  unlock: (username: string) => Promise<boolean>
}

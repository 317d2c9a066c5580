import type { Charge, Charged } from './budgets.ts'
import type { Challenge, Purpose } from './challenge.ts'
import type { SessionRef } from './session.ts'

/** A person who may log in. */
export type User = {
  id: string
  username: string
  /** PHC form. */
  passwordDigest: string
  /** E.164; null for a person who can't be texted and so can't log in. */
  phone: string | null
  /** The language to text them in, a BCP 47 tag; null for what the request asks for. */
  locale: string | null
  disabled: boolean
  /** Wrong codes in a row, whatever the challenge. */
  codeFailures: number
  codeLockedUntil: Date | null
}

/** The people who may log in. A look-up that carries charges is one round trip with them, and finds nobody where they have no room. */
export type Users = {
  /** The person of that key (see `usernameKey`) with their pending login, if any. */
  findForLogin: (usernameKey: string, charges: readonly Charge[], now: Date) => Promise<Charged<{ user: User, challenge: Challenge | null } | null>>
  /** A challenge with the person whose it is. */
  findByChallenge: (challengeId: string, charges: readonly Charge[], now: Date) => Promise<Charged<{ user: User, challenge: Challenge } | null>>
  /** The person whose session this is, with their challenge of that purpose, if any. Null when the session has ended, or the person is disabled. */
  findForConfirmation: (session: SessionRef, purpose: Purpose, charges: readonly Charge[], now: Date) => Promise<Charged<{ user: User, challenge: Challenge | null } | null>>
  /** The person whose session this is. Null when it has ended, or the person is disabled. */
  findBySession: (session: SessionRef, now: Date) => Promise<User | null>
  /** Stores `next` unless the digest has changed since `current` was read: a new password must win over a re-hash of the old one. */
  replaceDigest: (id: string, current: string, next: string) => Promise<void>
}

import type { Claims } from './claims.ts'

/** A user account. */
export type User = {
  id: string
  username: string
  /** The argon2id hash in PHC string format. */
  passwordDigest: string
  /** E.164. Null for a user without a number, who can't log in. */
  phone: string | null
  /** The language of messages, a BCP 47 tag. If null, the request determines it. */
  locale: string | null
  disabled: boolean
  claims: Claims
  /** Consecutive wrong login codes across all challenges. */
  codeFailures: number
  codeLockedUntil: Date | null
  /** Consecutive wrong confirmation codes, which have a separate lockout (see `lockoutOf`). */
  confirmationFailures: number
  confirmationsLockedUntil: Date | null
  /** Consecutive wrong codes of phone changes, which have a separate lockout too. */
  phoneChangeFailures: number
  phoneChangesLockedUntil: Date | null
}

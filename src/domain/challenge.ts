import type { Charge, Charged } from './budgets.ts'
import type { Subject } from './confirmation.ts'
import type { Session } from './session.ts'

/** What a challenge guards. A code for one purpose is worth nothing for another. */
export type Purpose = 'login' | `confirm:${string}`

/** A pending second factor: the one code record of a person and purpose. */
export type Challenge = {
  /** What the challenge token names; 128 random bits, new at each login. */
  id: string
  userId: string
  purpose: Purpose
  codeHash: Uint8Array<ArrayBuffer>
  codeExpiresAt: Date
  /** When the next text may go out. */
  resendAt: Date
  attemptsLeft: number
  expiresAt: Date
  consumedAt: Date | null
  /** What is confirmed; null for a login. */
  subject: Subject | null
}

/** A code's share of a challenge: all that a resend may change. */
export type NewCode = Pick<Challenge, 'codeHash' | 'codeExpiresAt' | 'resendAt'>

/** One try at a code, already counted: the challenge and the person as they then are. */
export type Attempt = { challenge: Challenge, codeFailures: number, phone: string | null }

/** What of a person a challenge was started on. */
export type Owner = { passwordDigest: string, phone: string | null }

/** Remembers challenges. Each write is one conditional statement, so that of two at the same moment one is told no. */
export type Challenges = {
  find: (id: string) => Promise<Challenge | null>
  /**
   * Stores `next` as the person's one challenge. False when what is stored is no longer `previous` (somebody was faster), the
   * person no longer has the password and the phone that `owner` had, or is disabled, or `charges` have no room. Only what is
   * stored is charged. A first challenge, in the place of none, may be stored all the same where they have no room.
   */
  replace: (previous: Challenge | null, next: Challenge, owner: Owner, charges: readonly Charge[], now: Date) => Promise<Charged<boolean>>
  /** Stores a new code in a challenge that is still open and still holds `previous`' code. Attempts and end stay. Charges like `replace`. */
  renewCode: (previous: Challenge, code: NewCode, charges: readonly Charge[], now: Date) => Promise<Charged<boolean>>
  /** Kills a code whose text never left, and lets the next one go out at once. */
  voidCode: (challenge: Challenge, now: Date) => Promise<void>
  /**
   * Takes one attempt off an open challenge with a live code, and counts it as a failure of the account, which the nth
   * failure in a row locks for `locks[n - 1]` seconds (see `codeLocks`). Null when there is none to take, or the account
   * is locked, or `charges` have no room.
   */
  spendAttempt: (id: string, locks: readonly number[], charges: readonly Charge[], now: Date) => Promise<Charged<Attempt | null>>
  /**
   * Closes the challenge for good if it is still open, its code still this one, and the person not disabled; the account's
   * failures are then forgotten, and `session`, if there is one, begins. True exactly once.
   */
  consume: (challenge: Challenge, session: Session | null, now: Date) => Promise<boolean>
}

/** Whether a right code could still close this challenge, now or after a resend. */
export const isOpen = (challenge: Challenge, now: Date) =>
  challenge.consumedAt === null && challenge.attemptsLeft > 0 && challenge.expiresAt > now

/** Whether a text went out so lately that its code serves a second login as well. */
export const isFresh = (challenge: Challenge | null, now: Date): challenge is Challenge =>
  challenge !== null && isOpen(challenge, now) && challenge.codeExpiresAt > now && challenge.resendAt > now

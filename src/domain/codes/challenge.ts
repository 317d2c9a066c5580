import type { LimitAction } from '../rate-limits/rate-limit.ts'
import { Refusal } from '../refusal.ts'
import type { SessionDraft } from '../sessions/session.ts'
import type { User } from '../users/user.ts'
import type { Delivery, DeliveryFailure, DeliveryReason, DeliveryReport } from './delivery.ts'
import type { LockoutKind, Purpose } from './purpose.ts'
import type { TransactionDetails } from './transaction-details.ts'

/** A pending second factor. A user has at most one per purpose. */
export type Challenge = {
  /** 128 random bits, new at each login. The challenge token carries it. */
  id: string
  userId: string
  purpose: Purpose
  codeHash: Uint8Array<ArrayBuffer>
  codeExpiresAt: Date
  /** When the next message may be sent, unless this one fails (see `nextMessageAt`). */
  resendAt: Date
  attemptsLeft: number
  expiresAt: Date
  consumedAt: Date | null
  /** The number that a phone change is for; null when the code goes to the number on file. */
  newPhone: string | null
  /** The action that the user confirms; null for other purposes. */
  details: TransactionDetails | null
  /**
   * The requested language; null if none of the requested ones is available. The user's `locale`
   * takes precedence over it.
   */
  language: string | null
  /**
   * Our id of the message with this code. It is part of the URL of the message's status callbacks,
   * which may arrive before the SMS provider has returned an id of its own. Null for a challenge of
   * an earlier version.
   */
  messageId: string | null
  delivery: Delivery
  /** Null unless `delivery` is `failed`. */
  deliveryReason: DeliveryReason | null
  /** The SMS provider's id of the message. Null until the provider has reported on it. */
  providerMessageId: string | null
}

/** What a resend changes in a challenge. */
export type NewCode = Pick<
  Challenge,
  | 'codeHash'
  | 'codeExpiresAt'
  | 'resendAt'
  | 'messageId'
  | 'delivery'
  | 'deliveryReason'
  | 'providerMessageId'
>

/** An attempt at a code that has been counted, with the state after it. */
export type Attempt = {
  challenge: Challenge
  /** Consecutive failures in the lockout that this attempt counts towards. */
  codeFailures: number
  /** The number that the code went to. */
  phone: string | null
}

/** The values of a user that must not have changed since the user was read. */
export type UserSnapshot = { passwordDigest: string; phone: string | null }

/**
 * The challenges in the database. Each write is one conditional statement, so only one of several
 * concurrent calls succeeds. Methods that take `limits` apply them in the same statement and throw
 * `rateLimited`. They then leave no valid new code, and previous codes stay valid.
 */
export type Challenges = {
  find: (id: string) => Promise<Challenge | null>
  /** A challenge and its user. */
  findWithUser: (
    id: string,
    limits: readonly LimitAction[],
    now: Date
  ) => Promise<{ user: User; challenge: Challenge } | null>
  /**
   * Stores `next` as the user's challenge for its purpose. Resolves to false, and applies no
   * limits, when the stored challenge is no longer `previous`, the user no longer matches `user`,
   * or the user is disabled.
   */
  replace: (
    previous: Challenge | null,
    next: Challenge,
    user: UserSnapshot,
    limits: readonly LimitAction[],
    now: Date
  ) => Promise<boolean>
  /**
   * Stores a new code in a challenge that is still open, still has the code of `previous`, and
   * whose cooldown has passed or whose message has failed. Otherwise resolves to false and applies
   * no limits. The number of attempts and the expiry do not change.
   */
  renewCode: (
    previous: Challenge,
    code: NewCode,
    limits: readonly LimitAction[],
    now: Date
  ) => Promise<boolean>
  /**
   * Expires the code of a challenge and lifts the wait for the next message. The same statement
   * stores the `failure` of its message to `phone`, if it is known, and marks the number as
   * undeliverable if that is the cause.
   */
  voidCode: (
    challenge: Challenge,
    failure: (Pick<DeliveryFailure, 'reason' | 'undeliverable'> & { phone: string }) | null,
    now: Date
  ) => Promise<void>
  /**
   * Records a report about the newest message of a challenge if it replaces the stored state (see
   * `replacedBy`). The same statement marks the number as undeliverable if the report says so, and
   * removes its marks if the message was delivered. Resolves to the recipient for the first of
   * several equal reports, and to null for a report that changes nothing.
   */
  recordDelivery: (
    report: DeliveryReport,
    now: Date
  ) => Promise<{ userId: string; phone: string | null } | null>
  /**
   * Uses one attempt of an open challenge whose code has not expired, and counts a failure in the
   * account's lockout of this kind. Call this before the code is compared; `consume` resets the
   * failures. The nth consecutive failure locks the account for `schedule[n - 1]` seconds (see
   * `lockoutSchedule`). Resolves to null, and applies only `limits`, when the challenge has ended,
   * its code has expired, or the account is locked.
   */
  useAttempt: (
    id: string,
    kind: LockoutKind,
    schedule: readonly number[],
    limits: readonly LimitAction[],
    now: Date
  ) => Promise<Attempt | null>
  /**
   * Closes the challenge if it is not closed, still has the same code, and its user is not
   * disabled. The same statement resets the failures of its lockout and, if there is a `session`,
   * opens it and sets the time of the user's last login. Resolves to the claims of the user for
   * exactly one call, and to null for all others.
   */
  consume: (
    challenge: Challenge,
    session: SessionDraft | null,
    now: Date
  ) => Promise<Pick<User, 'claims'> | null>
}

/** Why no code can close this challenge any more; undefined while one can. */
export function endOf(
  {
    consumedAt,
    attemptsLeft,
    expiresAt
  }: Pick<Challenge, 'consumedAt' | 'attemptsLeft' | 'expiresAt'>,
  now: Date
) {
  if (consumedAt !== null) return 'used'
  if (attemptsLeft <= 0) return 'out-of-attempts'
  return expiresAt <= now ? 'expired' : undefined
}

/** Whether a right code can still close this challenge, now or after a resend. */
export const isOpen = (challenge: Challenge, now: Date) => endOf(challenge, now) === undefined

/** The refusal for a challenge that is not open, or that changed during the request. */
export const challengeEnded = (challenge: Challenge | null, now: Date) =>
  new Refusal('challenge-ended', {
    reason: challenge === null ? 'replaced' : (endOf(challenge, now) ?? 'changed')
  })

/** When the next message may be sent: at once if this one has failed. */
export const nextMessageAt = ({ delivery, resendAt }: Challenge, now: Date) =>
  delivery === 'failed' && resendAt > now ? now : resendAt

/** Whether the code was sent so recently that another login continues this challenge. */
export const isFresh = (challenge: Challenge | null, now: Date): challenge is Challenge =>
  challenge !== null &&
  isOpen(challenge, now) &&
  challenge.codeExpiresAt > now &&
  nextMessageAt(challenge, now) > now

import type { RequestContext } from './request-context.ts'
import type { DeliveryReason, ServiceFault } from './codes/delivery.ts'
import type { LockoutKind } from './codes/purpose.ts'
import type { NoticeName } from './messages/notice.ts'
import type { SendFailure } from './messages/sms.ts'
import type { ReasonOf, RefusalReason, RefusalSlug } from './refusal.ts'

/** Who changed a user: the user, an operator on the command line, or the owner of an API key. */
export type Actor = 'user' | 'operator' | `key:${string}`

/** A security event: what happened to which user. It contains no secrets. */
export type Event = { context: RequestContext | null } & (
  | { name: 'password.accepted'; userId: string }
  /**
   * `userId` is null when there is no such user. The username is left out, because users sometimes
   * type their password there.
   */
  | {
      name: 'password.rejected'
      userId: string | null
      reason: ReasonOf<'invalid-credentials'>
    }
  /** The user can't log in until an operator sets a new password. */
  | { name: 'password.digest_unreadable'; userId: string }
  | { name: 'code.sent' | 'code.accepted'; userId: string; country: string; purpose: LockoutKind }
  /** A login with a test number, whose code is fixed. No message was sent. */
  | { name: 'code.test_number_used'; userId: string; country: string }
  | { name: 'code.send_failed'; userId: string; country: string; reason: SendFailure }
  | { name: 'code.delivered'; userId: string; country: string }
  | {
      name: 'code.undelivered'
      userId: string
      country: string
      reason: DeliveryReason
      providerCode: number | null
    }
  /** The SMS provider or the carriers refuse all messages of this service. */
  | {
      name: 'sms.service_refused'
      userId: string
      country: string
      fault: ServiceFault
      providerCode: number | null
    }
  /** With `expired`, the code was not compared. */
  | { name: 'code.rejected'; userId: string; reason: 'wrong' | 'expired' }
  | {
      name: 'account.locked'
      userId: string
      lockout: LockoutKind
      failures: number
      seconds: number
    }
  | { name: 'token.issued'; userId: string; sessionId: string; tokenId: string }
  | { name: 'session.ended'; userId: string; sessionId: string }
  /** A used refresh token was sent again. It was copied, so the session has been revoked. */
  | { name: 'refresh_token.reused'; userId: string; sessionId: string }
  | { name: 'confirmation.requested'; userId: string; sessionId: string; action: string }
  | { name: 'confirmation.accepted'; userId: string; sessionId: string; action: string }
  | { name: 'receipt.issued'; userId: string; receiptId: string }
  | { name: 'notice.sent'; userId: string; notice: NoticeName; country: string }
  | {
      name: 'notice.send_failed'
      userId: string
      notice: NoticeName
      country: string
      reason: SendFailure
    }
  | { name: 'phone_change.requested' | 'phone.changed'; userId: string; sessionId: string }
  | { name: 'password.changed'; userId: string; actor: Actor }
  /** `changed` names the fields and never contains their values. */
  | { name: 'user.updated'; userId: string; actor: Actor; changed: readonly UserField[] }
  | {
      name: 'user.created' | 'user.deleted' | 'user.unlocked' | 'user.sessions_ended'
      userId: string
      actor: Actor
    }
  /** `subject` is `total`, or for example `country GB` or `ip 203.0.113.9`. */
  | { name: 'limits.cleared'; actor: Actor; subject: string }
  /** An import of users, with the numbers of users. */
  | { name: 'users.imported'; actor: Actor; added: number; existing: number; rejected: number }
  /** A response of the admin API. `route` is a template, and `userId` the id in the path. */
  | {
      name: 'admin.requested'
      actor: Actor
      method: string
      route: string
      userId: string | null
      status: number
    }
  /** A request was refused. `problem` is its slug, and `reason` is null if the slug says it all. */
  | { name: Rejection; problem: RefusalSlug; reason: RefusalReason | null }
  /** A page of this origin may not read responses. `variable` names the setting that lists them. */
  | { name: 'cors.rejected'; origin: string; variable: 'CORS_ORIGINS' }
  /** `variable` sets the limit; null if none does. */
  | { name: 'rate_limit.exceeded'; limit: string; variable: string | null }
  /**
   * The database, or the SMS provider, works again. Recorded once per outage, with its length and
   * the number of requests or messages that failed.
   */
  | { name: 'database.recovered' | 'sms.recovered'; seconds: number; failures: number }
  /** Too few codes sent to the country were verified. No single request causes it. */
  | { name: 'sms.country_paused'; country: string; messages: number; verified: number; until: Date }
)

/**
 * A field of a user that can be changed. A new password, and a number that the user changed, are
 * events of their own.
 */
type UserField = 'username' | 'phone' | 'locale' | 'claims' | 'disabled' | 'factors'

/** The refusals that no other event explains: those of credentials, and all others. */
type Rejection =
  | 'access_token.rejected'
  | 'api_key.rejected'
  | 'refresh_token.rejected'
  | 'challenge.rejected'
  | 'reauthentication.required'
  | 'request.refused'

export type EventName = Event['name']

/** Records events. Never throws, and callers don't wait for it. */
export type Events = { record: (event: Event) => void }

import type { DeliveryReason, ServiceFault } from '../../domain/codes/delivery.ts'
import type { LockoutKind } from '../../domain/codes/purpose.ts'
import type { Event, EventName } from '../../domain/events.ts'
import type { SendFailure } from '../../domain/messages/sms.ts'
import { refusalReasons, type RefusalReason, type RefusalSlug } from '../../domain/refusal.ts'
import type { DatabaseOutage } from '../postgres/classify-database-error.ts'
import type { NumberErrorName } from '../sms/twilio-errors.ts'
import type { FeedbackFailure } from '../sms/twilio-feedback.ts'
import type { TwilioFailure } from '../sms/twilio-sms.ts'

/** The events that are only lines of the log, because adapters and hooks write them. */
export type LoggedEventName =
  'sms.failed' | 'sms.refused' | 'sms.feedback_failed' | 'database.failed'

/** The members of a union. The compiler finds missing ones. */
const all = <Member extends string>(members: Record<Member, true>) => Object.keys(members)

const sendFailures = all<SendFailure>({
  undeliverable: true,
  blocked: true,
  'not-mobile': true,
  unassigned: true,
  unroutable: true,
  rejected: true,
  unknown: true
})

/** The results of a send. */
export const sendResults = ['accepted', ...sendFailures]

const tokenReasons: readonly RefusalReason[] = refusalReasons['invalid-token']
const isOfApiKey = (reason: string) => reason.startsWith('api-key-')

/** The refusals with only one reason that have no other event. */
const plainRefusals: readonly RefusalSlug[] = [
  'resend-too-soon',
  'busy',
  'sms-unavailable',
  'sms-undeliverable',
  'invalid-signature',
  'not-found',
  'unknown-action',
  'username-taken',
  'invalid-request'
]

const noReason: readonly string[] = []

/** What `reasonOf` can return for each event. Empty for an event without a reason. */
export const eventReasons: Readonly<Record<EventName | LoggedEventName, readonly string[]>> = {
  'password.accepted': noReason,
  'password.rejected': refusalReasons['invalid-credentials'],
  'password.digest_unreadable': noReason,
  'code.sent': noReason,
  'code.test_number_used': noReason,
  'code.send_failed': sendFailures,
  'code.delivered': noReason,
  'code.undelivered': all<DeliveryReason>({
    unreachable: true,
    'not-mobile': true,
    blocked: true,
    filtered: true,
    expired: true,
    unknown: true
  }),
  'sms.service_refused': all<ServiceFault>({
    filtered: true,
    fraud: true,
    account: true,
    queue: true
  }),
  'code.accepted': noReason,
  'code.rejected': all<Extract<Event, { name: 'code.rejected' }>['reason']>({
    wrong: true,
    expired: true
  }),
  'account.locked': all<LockoutKind>({ login: true, confirmation: true, 'phone-change': true }),
  'token.issued': noReason,
  'session.ended': noReason,
  'refresh_token.reused': noReason,
  'confirmation.requested': noReason,
  'confirmation.accepted': noReason,
  'receipt.issued': noReason,
  'notice.sent': noReason,
  'notice.send_failed': sendFailures,
  'phone_change.requested': noReason,
  'phone.changed': noReason,
  'password.changed': noReason,
  'user.created': noReason,
  'user.updated': noReason,
  'user.deleted': noReason,
  'limits.cleared': noReason,
  'user.unlocked': noReason,
  'user.sessions_ended': noReason,
  'users.imported': noReason,
  'admin.requested': noReason,
  'access_token.rejected': tokenReasons.filter(reason => !isOfApiKey(reason)),
  'api_key.rejected': tokenReasons.filter(isOfApiKey),
  'refresh_token.rejected': refusalReasons['session-ended'],
  'challenge.rejected': refusalReasons['challenge-ended'],
  'reauthentication.required': refusalReasons['reauthentication-required'],
  'request.refused': plainRefusals,
  'cors.rejected': noReason,
  'rate_limit.exceeded': noReason,
  'database.recovered': noReason,
  'sms.recovered': noReason,
  'sms.country_paused': noReason,
  'sms.failed': all<TwilioFailure | NumberErrorName>({
    credentials: true,
    throttled: true,
    outage: true,
    redirect: true,
    rejected: true,
    failed: true,
    unreadable: true,
    timeout: true,
    unreachable: true,
    invalid: true,
    shortcode: true,
    sender: true,
    premium: true,
    region: true,
    unverified: true,
    unsubscribed: true,
    unroutable: true,
    incapable: true,
    landline: true,
    blocked: true,
    unassigned: true
  }),
  'sms.refused': noReason,
  'sms.feedback_failed': all<FeedbackFailure>({ timeout: true, unreachable: true, rejected: true }),
  'database.failed': all<DatabaseOutage['facts']['reason']>({
    unreachable: true,
    tls: true,
    'no-tls': true,
    denied: true,
    disconnected: true,
    busy: true,
    timeout: true,
    'read-only': true,
    pooler: true,
    connections: true,
    exhausted: true,
    conflict: true
  })
}

/**
 * Why an event happened: its `reason`, the `problem` if that says it all, its `fault` or its
 * `lockout`. Empty for an event without any of these.
 */
export function reasonOf(event: Event): string {
  if ('reason' in event && event.reason !== null) return event.reason
  if ('problem' in event) return event.problem
  if ('fault' in event) return event.fault
  return 'lockout' in event ? event.lockout : ''
}

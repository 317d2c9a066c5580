import type { Event, EventName, Events } from '../../domain/events.ts'
import { requestFields } from './request-fields.ts'

/** The part of a pino or Fastify logger that is used here. */
export type EventLog = Record<'info' | 'warn', (fields: object, message: string) => void>

/** Writes each event as a log line. */
export const createSecurityLog = (log: EventLog): Events => ({
  record({ name, context, ...facts }: Event) {
    const [level, message] = lines[name]
    log[level]({ event: name, ...requestFields(context), ...facts }, message)
  }
})

const lines: Record<EventName, ['info' | 'warn', string]> = {
  'password.accepted': ['info', 'login with the correct password'],
  'password.rejected': ['info', 'login with an unknown username or a wrong password'],
  'password.digest_unreadable': [
    'warn',
    'the stored password hash is unreadable, so no password matches; set a new password'
  ],
  'code.sent': ['info', 'code accepted by the SMS provider'],
  'code.test_number_used': [
    'warn',
    'login with a test number: no message was sent, and its code is the one in TEST_NUMBERS'
  ],
  'code.send_failed': [
    'info',
    'code not accepted by the SMS provider and voided; see sms.failed or sms.refused'
  ],
  'code.delivered': ['info', 'code delivered to the phone'],
  'code.undelivered': ['info', 'code not delivered; reason says why'],
  'sms.service_refused': [
    'warn',
    'Twilio or the carriers refuse messages of this service, whatever the recipient; ' +
      'look providerCode up at https://www.twilio.com/docs/api/errors'
  ],
  'code.accepted': ['info', 'correct code'],
  'code.rejected': ['info', 'wrong or expired code'],
  'account.locked': [
    'warn',
    'account locked after too many consecutive wrong codes; the users command unlock ends it'
  ],
  'token.issued': ['info', 'access token issued'],
  'session.ended': ['info', 'session ended by the user or the operator'],
  'refresh_token.reused': [
    'warn',
    'refresh token reused, so it was probably copied; the session is revoked'
  ],
  'confirmation.requested': ['info', 'confirmation requested'],
  'confirmation.accepted': ['info', 'action confirmed'],
  'receipt.issued': ['info', 'receipt issued'],
  'notice.sent': ['info', 'notice of a change accepted by the SMS provider'],
  'notice.send_failed': [
    'warn',
    'notice of a change not accepted by the SMS provider; see sms.failed or sms.refused'
  ],
  'phone_change.requested': ['info', 'change of the phone number requested'],
  'phone.changed': ['info', 'phone number changed by the user; all other sessions have ended'],
  'password.changed': ['info', 'password changed'],
  'user.created': ['info', 'user created'],
  'users.imported': ['info', 'users imported'],
  'user.updated': ['info', 'user changed'],
  'user.deleted': ['info', 'user deleted'],
  'user.unlocked': ['info', 'lockouts and rate limits of a user reset'],
  'limits.cleared': ['info', 'rate limits of an address, a country or in total reset'],
  'user.sessions_ended': ['info', 'all sessions of a user ended by the operator'],
  'admin.requested': ['info', 'request to the admin API'],
  'access_token.rejected': ['info', 'request without a valid access token'],
  'refresh_token.rejected': ['info', 'refresh token refused'],
  'challenge.rejected': ['info', 'login or confirmation not continued'],
  'reauthentication.required': ['info', 'request refused: it needs a more recent login'],
  'request.refused': ['info', 'request refused'],
  'api_key.rejected': ['warn', 'request to the admin API without a valid API key'],
  'cors.rejected': [
    'warn',
    'cross-origin request from a page whose origin CORS_ORIGINS does not list'
  ],
  'rate_limit.exceeded': ['warn', 'request refused: rate limit exceeded'],
  'database.recovered': ['info', 'the database recovered: it works again'],
  'sms.recovered': ['info', 'Twilio recovered: it accepts messages again'],
  'sms.country_paused': [
    'warn',
    'messages to this country are paused: too few of their codes were entered (SMS pumping?)'
  ]
}

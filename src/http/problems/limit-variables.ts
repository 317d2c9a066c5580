import type { Refusal } from '../../domain/refusal.ts'

/** The variable that sets each limit, by the limit's name or its part before the first dot. */
const variables: Readonly<Record<string, string>> = {
  cooldown: 'RESEND_COOLDOWN',
  requests: 'LIMIT_IP_PER_MINUTE',
  'session-requests.session': 'LIMIT_READS_PER_SESSION_MINUTE',
  'session-requests.network': 'LIMIT_READS_PER_IP_MINUTE',
  password: 'LIMIT_PASSWORD_FAILURES',
  codes: 'LIMIT_CODE_FAILURES',
  'sms.phone-hour': 'LIMIT_TEXTS_PER_PHONE_HOUR',
  'sms.account-hour': 'LIMIT_TEXTS_PER_PHONE_HOUR',
  'sms.phone-confirmations-hour': 'LIMIT_TEXTS_PER_PHONE_HOUR',
  'sms.phone-changes-hour': 'LIMIT_TEXTS_PER_PHONE_HOUR',
  'sms.account-token-hour': 'LIMIT_TEXTS_PER_PHONE_HOUR',
  'sms.phone-day': 'LIMIT_TEXTS_PER_PHONE_DAY',
  'sms.account-day': 'LIMIT_TEXTS_PER_PHONE_DAY',
  'sms.phone-confirmations-day': 'LIMIT_TEXTS_PER_PHONE_DAY',
  'sms.phone-changes-day': 'LIMIT_TEXTS_PER_PHONE_DAY',
  'sms.account-token-day': 'LIMIT_TEXTS_PER_PHONE_DAY',
  'sms.network-hour': 'LIMIT_TEXTS_PER_IP_HOUR',
  'sms.country-hour': 'LIMIT_TEXTS_PER_COUNTRY_HOUR',
  'sms.country-paused': 'SMS_CONVERSION_FLOOR',
  'sms.hour': 'LIMIT_TEXTS_PER_HOUR'
}

/** The variable that sets a limit, by the limit's name. Undefined if none does. */
export const variableOf = (limit: string): string | undefined =>
  variables[limit] ?? variables[limit.split('.')[0] ?? '']

/**
 * Names the variable to change, for a developer. Undefined when no limit is the cause. Use it only
 * outside production, because callers must not learn which limit is exhausted.
 */
export function limitHint({ facts: { limit } }: Refusal): string | undefined {
  const variable = limit === undefined ? undefined : variableOf(limit)
  return variable === undefined ? undefined : `This limit is ${variable}; 0 turns it off.`
}

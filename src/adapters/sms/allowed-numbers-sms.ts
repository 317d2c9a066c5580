import type { TestNumbers } from '../../domain/codes/test-numbers.ts'
import type { Sms } from '../../domain/messages/sms.ts'
import { requestFields } from '../logs/request-fields.ts'
import { countryOf, countryError, type Countries } from './libphonenumber-phones.ts'

/**
 * Sends messages only to personal lines in these countries, and never to a test number. Any other
 * number is undeliverable, even if the operator stored it under an older configuration.
 */
export const createAllowedNumbersSms = (
  { countries, testNumbers }: { countries: Countries; testNumbers: TestNumbers },
  sms: Sms,
  log: { warn: (fields: object, message: string) => void }
): Sms => ({
  async send(message) {
    const reason = testNumbers.has(message.to)
      ? 'The phone is in TEST_NUMBERS.'
      : countryError(message.to, countries)
    if (reason === undefined) return await sms.send(message)
    const { to, context, userId } = message
    log.warn(
      { event: 'sms.refused', ...requestFields(context), userId, country: countryOf(to) },
      `message not sent: ${reason}`
    )
    return 'undeliverable'
  }
})

import { parsePhoneNumberFromString } from 'libphonenumber-js/max'
import { Refusal } from '../domain/refusal.ts'
import type { Sms } from '../domain/sms.ts'

/**
 * Texts numbers of these countries only (ISO codes; `*` or undefined: all), whoever stored them and when.
 * Throws `sms-undeliverable` for the others, before anything is sent.
 */
export const inCountries = (countries: '*' | readonly string[] | undefined, sms: Sms, log: { warn: (fields: object, message: string) => void }): Sms => ({
  async send (text) {
    const country = parsePhoneNumberFromString(text.to)?.country ?? 'none'
    if (countries !== undefined && countries !== '*' && !countries.includes(country)) {
      log.warn({ event: 'sms.refused', country }, 'not texted: SMS_COUNTRIES does not list the country of this number')
      throw new Refusal('sms-undeliverable')
    }
    await sms.send(text)
  }
})

import type { Sms } from '../domain/sms.ts'
import { countryOf, whyNotTexted, type Countries } from './libphonenumber-phones.ts'

/** Texts personal lines in these countries only, whoever stored the number and when; any other is undeliverable. */
export const textableNumbers = (countries: Countries, sms: Sms, log: { warn: (fields: object, message: string) => void }): Sms => ({
  async send (text) {
    const reason = whyNotTexted(text.to, countries)
    if (reason === undefined) return await sms.send(text)
    log.warn({ event: 'sms.refused', country: countryOf(text.to) }, `not texted: ${reason}`)
    return 'undeliverable'
  }
})

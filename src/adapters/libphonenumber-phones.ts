import { parsePhoneNumberFromString } from 'libphonenumber-js/max'

/** Lines that belong to a person. The others are paid for by whoever calls them, or answered by a machine. */
const personal = new Set(['MOBILE', 'FIXED_LINE', 'FIXED_LINE_OR_MOBILE'])

/**
 * Why a number can't be a person's phone, as a sentence for the operator; undefined when it can.
 * `countries`: the ISO codes that may be texted; `*` or undefined for all.
 */
export function whyNotPhone (phone: string, countries: '*' | readonly string[] | undefined): string | undefined {
  const number = /^\+[1-9]\d{6,14}$/.test(phone) ? parsePhoneNumberFromString(phone) : undefined
  if (number === undefined || !number.isValid()) return 'The phone must be a valid number in E.164 form, like +14155550100.'
  const type = number.getType() ?? 'UNKNOWN'
  // North America's 500 numbers are billed like any other, and Twilio's own test numbers are among them; elsewhere
  // "personal numbers" (the 070 of the United Kingdom) are a premium rate by another name.
  const isPersonal = personal.has(type) || (type === 'PERSONAL_NUMBER' && number.countryCallingCode === '1')
  if (!isPersonal) return `The phone must be a personal line; this one is of the kind ${type.toLowerCase().replaceAll('_', ' ')}.`
  if (countries !== undefined && countries !== '*' && !countries.includes(number.country ?? '')) return `The phone is in a country that SMS_COUNTRIES does not list (${number.country ?? 'none'}).`
  return undefined
}

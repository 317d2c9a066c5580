import { parsePhoneNumberFromString, type PhoneNumber } from 'libphonenumber-js/max'
import { LRUCache } from 'lru-cache'

/** ISO codes of the countries that may be texted; `*` or undefined: all. */
export type Countries = '*' | readonly string[] | undefined

/** Lines that belong to a person. The others are paid for by whoever calls them, or answered by a machine. */
const personal = new Set(['MOBILE', 'FIXED_LINE', 'FIXED_LINE_OR_MOBILE'])

// One login asks three times of its number.
const parsed = new LRUCache<string, { number: PhoneNumber | undefined }>({ max: 1000 })

function parse (phone: string): PhoneNumber | undefined {
  const known = parsed.get(phone) ?? { number: parsePhoneNumberFromString(phone) }
  parsed.set(phone, known)
  return known.number
}

/** The ISO code of the country whose number this is; "none" for a number of no country. */
export const countryOf = (phone: string): string => parse(phone)?.country ?? 'none'

/** Why a number can't become a person's phone, as a sentence for the operator; undefined when it can. */
export function whyNotPhone (phone: string, countries: Countries): string | undefined {
  const number = /^\+[1-9]\d{6,14}$/.test(phone) ? parse(phone) : undefined
  if (number === undefined || !number.isValid()) return 'The phone must be a valid number in E.164 form, like +14155550100.'
  return whyNotTexted(phone, countries)
}

/**
 * Why a number on file is not to be texted; undefined when it is. One that the numbering plan doesn't know passes: the plan
 * may be newer than our copy of it, and whoever stored the number had reasons.
 */
export function whyNotTexted (phone: string, countries: Countries): string | undefined {
  const number = parse(phone)
  const type = number?.getType()
  if (number !== undefined && type !== undefined && !isPersonal(number, type)) return `The phone must be a personal line; this one is of the kind ${type.toLowerCase().replaceAll('_', ' ')}.`
  if (countries !== undefined && countries !== '*' && !countries.includes(number?.country ?? '')) return `The phone is in a country that SMS_COUNTRIES does not list (${number?.country ?? 'none'}).`
  return undefined
}

// North America's 500 numbers are billed like any other, and Twilio's own test numbers are among them; elsewhere "personal
// numbers" (the 070 of the United Kingdom) are a premium rate by another name.
const isPersonal = ({ countryCallingCode }: PhoneNumber, type: string) =>
  personal.has(type) || (type === 'PERSONAL_NUMBER' && countryCallingCode === '1')

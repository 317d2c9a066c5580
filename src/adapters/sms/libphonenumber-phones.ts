import {
  getCountryCallingCode,
  isSupportedCountry,
  parsePhoneNumberFromString,
  PhoneNumber
} from 'libphonenumber-js/max'
import { LRUCache } from 'lru-cache'
import { asciiDigit } from '../../domain/ascii-digit.ts'
import type { CheckPhone } from '../../domain/users/check-phone.ts'

/** ISO codes of the countries to which messages may be sent. `*` or undefined: all. */
export type Countries = '*' | readonly string[] | undefined

/** Types of personal lines. The other types are premium-rate, shared-cost or machine numbers. */
const personal = new Set<string | undefined>(['MOBILE', 'FIXED_LINE', 'FIXED_LINE_OR_MOBILE'])

// A login parses its number four times.
const parsed = new LRUCache<string, { number: PhoneNumber | undefined }>({ max: 1000 })

function parse(phone: string): PhoneNumber | undefined {
  const entry = parsed.get(phone) ?? { number: parseUncached(phone) }
  parsed.set(phone, entry)
  return entry.number
}

function parseUncached(phone: string) {
  const digits = withoutFormatting(phone)
  // Without this check the library would find a number within other text.
  return /^\+\d{7,20}$/.test(digits) ? parsePhoneNumberFromString(digits) : undefined
}

// A number copied from a contact list or a chat may contain invisible marks.
const invisible = /\p{Cf}/gu
const separators = /[\t\p{Zs}\p{Pd}−ー·./()[\]~]/gu

/** Removes separators and invisible marks, and maps digits of any script to ASCII. */
const withoutFormatting = (phone: string) =>
  /^\+\d+$/.test(phone)
    ? phone
    : phone
        .normalize('NFKC')
        .replaceAll(invisible, '')
        .trim()
        .replaceAll(separators, '')
        .replaceAll(/\p{Nd}/gu, asciiDigit)

/**
 * The number in canonical E.164, the only form in which numbers are stored, sent to and counted. A
 * national prefix after the country code (`+44 07400 123456`) is removed, because it would be a
 * second rate-limit key of the same phone. A number that the numbering plan doesn't know keeps its
 * digits. Text that isn't a number is returned unchanged.
 */
export function canonicalPhone(phone: string): string
export function canonicalPhone(phone: string | null): string | null
export function canonicalPhone(phone: string | null): string | null {
  if (phone === null) return null
  const number = parse(phone)
  if (number?.isValid()) return number.number
  const digits = withoutFormatting(phone)
  return e164.test(digits) ? digits : phone
}

const e164 = /^\+[1-9]\d{6,14}$/

/**
 * The international form of a number in national format, like 020 7183 8750 in GB. Returns other
 * text unchanged.
 */
export function toInternational(phone: string, country: string | undefined): string {
  const digits = withoutFormatting(phone)
  if (country === undefined || !isSupportedCountry(country) || !/^\d{4,20}$/.test(digits))
    return phone
  return parsePhoneNumberFromString(digits, country)?.number ?? phone
}

/** The ISO code of the number's country, or "none". */
export const countryOf = (phone: string): string => parse(phone)?.country ?? 'none'

/**
 * A sentence for the operator that says why the number can't be a user's phone, or undefined if it
 * can. Spaces, punctuation, invisible marks and digits of any script are accepted. A leading 00 is
 * refused, because in some countries a carrier code follows it.
 */
export function phoneError(phone: string, countries: Countries): string | undefined {
  const invalid = formError(phone)
  return invalid === undefined ? countryError(phone, countries) : `The phone ${invalid}.`
}

/** Checks numbers like `phoneError`, for requests. */
export const createPhoneCheck =
  (countries: Countries): CheckPhone =>
  text => {
    const detail = formError(text)
    if (detail !== undefined) return { error: 'invalid', detail }
    return countryError(text, countries) === undefined
      ? { phone: canonicalPhone(text) }
      : { error: 'undeliverable' }
  }

function formError(phone: string): string | undefined {
  const number = parse(phone)
  if (number?.isValid() && e164.test(number.number)) return undefined
  return isDialled(phone)
    ? 'must begin with + instead of 00, like +14155550100'
    : 'must be a valid number in E.164 form, like +14155550100'
}

/** Whether it would be a valid number if the international prefix 00 were written +. */
const isDialled = (phone: string) => {
  const dialled = /^\s*00(.*)$/.exec(phone)?.[1]
  return dialled !== undefined && parse(`+${dialled}`)?.isValid() === true
}

/**
 * A sentence that says why no message may be sent to a stored number, or undefined if one may. A
 * number that the numbering plan doesn't know is accepted, because our copy of the plan may be
 * outdated.
 */
export function countryError(phone: string, countries: Countries): string | undefined {
  const number = parse(phone)
  const type = number?.getType()
  if (number !== undefined && type !== undefined && !isPersonal(number, type)) {
    const kind = type.toLowerCase().replaceAll('_', ' ')
    return `The phone must be a personal line; this one is of the kind ${kind}.`
  }
  if (countries === undefined || countries === '*') return undefined
  if (countries.some(country => number !== undefined && isUsedIn(number, country))) return undefined
  const country = number?.country ?? 'none'
  return `The phone is in a country that SMS_COUNTRIES does not list (${country}).`
}

// North America's 500 numbers are billed like any other number, and Twilio's test numbers are among
// them. Elsewhere "personal numbers" (070 in the United Kingdom) are premium-rate numbers.
const isPersonal = ({ countryCallingCode }: PhoneNumber, type: string) =>
  personal.has(type) || (type === 'PERSONAL_NUMBER' && countryCallingCode === '1')

/**
 * Whether a number may belong to that country. Some countries share ranges of mobile numbers. For
 * example, Saint Martin (MF) shares those of Guadeloupe (GP), and the library assigns them all to
 * Guadeloupe.
 */
function isUsedIn(number: PhoneNumber, country: string): boolean {
  if (number.country === country) return true
  if (!isSupportedCountry(country) || getCountryCallingCode(country) !== number.countryCallingCode)
    return false
  const there = new PhoneNumber(number.number)
  there.country = country
  return personal.has(there.getType())
}

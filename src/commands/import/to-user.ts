import {
  canonicalPhone,
  phoneError,
  toInternational,
  type Countries
} from '../../adapters/sms/libphonenumber-phones.ts'
import { normalizeDigest } from '../../domain/login/normalize-digest.ts'
import { unusableDigest } from '../../domain/login/password-digest.ts'
import { passwordError } from '../../domain/login/password-policy.ts'
import { usernameError } from '../../domain/login/username.ts'
import { fallbackTags } from '../../domain/messages/language-tags.ts'
import { claimsError, type Claims } from '../../domain/users/claims.ts'
import type { NewUser } from '../../domain/users/user-directory.ts'
import { fieldNames } from './row.ts'

/** A user to add, with a digest or with a password that has yet to be hashed. */
export type ImportedUser = Omit<NewUser, 'passwordDigest'> &
  ({ passwordDigest: string } | { password: string })

/** What the values of a row are checked against. */
export type Rules = {
  countries: Countries
  /** The ISO code of the country of numbers in national format. */
  defaultCountry: string | undefined
  weaknessOf: Parameters<typeof passwordError>[2]
}

/** Why a row was rejected: the field, and a reason that contains no secret. */
export class RowError extends Error {}

/** The user that a row describes. Throws `RowError` for the first invalid field. */
export function toUser(fields: Record<string, unknown>, rules: Rules): ImportedUser {
  const names: readonly string[] = fieldNames
  for (const [name, value] of Object.entries(fields)) {
    if (!names.includes(name)) throw new RowError(`"${name.slice(0, 64)}" is not a field`)
    if (typeof value === 'string' && (!value.isWellFormed() || value.includes('\0')))
      reject(name, 'The text must be valid Unicode without a NUL.')
  }
  const username = textOf(fields, 'username') ?? reject('username', 'It is required.')
  const problem = usernameError(username)
  if (problem !== undefined) reject('username', problem)
  const locale = textOf(fields, 'locale')
  const [tag = locale === undefined ? null : reject('locale', 'It must be a language tag.')] =
    locale === undefined ? [] : fallbackTags(locale)
  return {
    username,
    phone: phoneOf(textOf(fields, 'phone'), rules),
    locale: tag,
    claims: claimsOf(fields['claims']),
    disabled: disabledOf(fields['disabled']),
    ...passwordOf(fields, username, rules)
  }
}

function phoneOf(text: string | undefined, { countries, defaultCountry }: Rules): string | null {
  if (text === undefined) return null
  const phone = toInternational(text, defaultCountry)
  const problem = phoneError(phone, countries)
  return problem === undefined ? canonicalPhone(phone) : reject('phone', problem)
}

function claimsOf(value: unknown): Claims {
  if (value === undefined || value === null) return {}
  const problem = claimsError(value)
  return problem === undefined ? (value as Claims) : reject('claims', problem)
}

const disabledOf = (value: unknown): boolean =>
  value === undefined || value === null
    ? false
    : typeof value === 'boolean'
      ? value
      : reject('disabled', 'It must be true or false.')

function passwordOf(fields: Record<string, unknown>, username: string, { weaknessOf }: Rules) {
  const password = textOf(fields, 'password')
  const hash = textOf(fields, 'passwordHash')
  if (password !== undefined && hash !== undefined)
    reject('password', 'It and passwordHash exclude each other.')
  if (password !== undefined) {
    const problem = passwordError(password, username, weaknessOf)
    return problem === undefined ? { password } : reject('password', problem)
  }
  if (hash === undefined) reject('passwordHash', 'It or password is required.')
  const normalized = normalizeDigest(hash)
  if ('error' in normalized) reject('passwordHash', normalized.error)
  return { passwordDigest: 'unusable' in normalized ? unusableDigest : normalized.digest }
}

/** Undefined if the field is absent, null or empty. */
function textOf(fields: Record<string, unknown>, name: string): string | undefined {
  const value = fields[name]
  if (value === undefined || value === null || value === '') return undefined
  return typeof value === 'string' ? value : reject(name, 'It must be a text.')
}

function reject(field: string, reason: string): never {
  throw new RowError(`${field}: ${reason}`)
}

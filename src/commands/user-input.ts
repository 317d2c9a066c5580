import { createPasswords } from '../adapters/secrets/passwords.ts'
import { createCommonPasswords } from '../adapters/secrets/zxcvbn-common-passwords.ts'
import { canonicalPhone, phoneError } from '../adapters/sms/libphonenumber-phones.ts'
import type { Config } from '../config/config.ts'
import { parseJson } from '../config/parse-json.ts'
import { passwordError } from '../domain/login/password-policy.ts'
import { usernameError } from '../domain/login/username.ts'
import { fallbackTags } from '../domain/messages/language-tags.ts'
import { matchLanguage } from '../domain/messages/match-language.ts'
import { claimsError, type Claims } from '../domain/users/claims.ts'
import { fail, oneLine } from './fail.ts'
import { phoneObstacle } from './phone-obstacle.ts'
import { readPassword } from './read-password.ts'

// Checks what the operator enters. Each function throws an Error of one line for invalid input.

export function checkUsername(username: string) {
  const reason = usernameError(username)
  if (reason !== undefined) fail(reason)
}

/** The phone number in canonical form. */
export function phoneOf(operand: string, config: Config): string {
  const phone = canonicalPhone(operand)
  // The numbering plans don't know some of the test numbers, or SMS_COUNTRIES doesn't list them.
  const reason = config.policy.testNumbers.has(phone)
    ? phoneObstacle(phone, config, new Date())
    : phoneError(operand, config.countries)
  if (reason !== undefined) fail(reason)
  return phone
}

/** The canonical tag of a language that messages exist in. Null for `auto`. */
export function localeOf(operand: string, { policy }: Config): string | null {
  if (operand === 'auto') return null
  const { wordings } = policy.messages
  // As in Accept-Language, tags that Intl refuses are accepted, such as pt_BR for pt-BR.
  const [canonical] = fallbackTags(operand)
  if (canonical !== undefined && matchLanguage(wordings, [canonical]) !== undefined)
    return canonical
  const languages = wordings.map(({ language }) => language).join(', ')
  return fail(
    `The language must be auto or one that messages exist in (${languages}), like pt or pt-BR.`
  )
}

/** The claims in a JSON text. `null` has none. */
export function claimsOf(operand: string): Claims {
  const claims = parseJson(operand)
  if (claims === undefined)
    fail(`The claims are not valid JSON. Write them in single quotes, like '{"roles": ["admin"]}'.`)
  if (claims === null) return {}
  const reason = claimsError(claims, operand)
  if (reason !== undefined) fail(oneLine(reason))
  // `claimsError` has checked that they are.
  return claims as Claims
}

/** Reads a new password and returns its digest. */
export async function digestOfNewPassword(username: string, { argon2 }: Config) {
  const password = await readPassword(username)
  const reason = passwordError(password, username, createCommonPasswords())
  if (reason !== undefined) fail(reason)
  return createPasswords(argon2).hash(password)
}

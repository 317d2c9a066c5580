import { normalizeDigest } from '../login/normalize-digest.ts'
import { passwordError, type WeaknessOf } from '../login/password-policy.ts'
import type { Passwords } from '../login/passwords.ts'
import { usernameError } from '../login/username.ts'
import { canonicalTag } from '../messages/language-tags.ts'
import { Refusal, type RefusalSlug } from '../refusal.ts'
import { claimsError, type Claims } from '../users/claims.ts'
import type { CheckPhone } from '../users/check-phone.ts'
import type { User } from '../users/user.ts'

export type UserFieldsPorts = {
  passwords: Pick<Passwords, 'hash'>
  commonPasswords: () => Promise<WeaknessOf>
  checkPhone: CheckPhone
}

/** The fields of a user that a backend can write. Undefined fields are not written. */
export type UserFields = {
  username?: string | undefined
  /** At most one of `password` and `passwordHash`. */
  password?: string | undefined
  /** A hash of another system (see `normalizeDigest`). */
  passwordHash?: string | undefined
  phone?: string | null | undefined
  locale?: string | null | undefined
  claims?: unknown
  disabled?: boolean | undefined
}

type Stored = Partial<
  Pick<User, 'username' | 'passwordDigest' | 'phone' | 'locale' | 'claims' | 'disabled'>
>

export const storableFieldsRefusals = [
  'invalid-request',
  'busy'
] as const satisfies readonly RefusalSlug[]

/**
 * Checks these fields and normalizes them for storage. The password, which must not contain
 * `username`, is checked last and then hashed. Throws `storableFieldsRefusals`; `invalid-request`
 * names every invalid field.
 */
export async function storableFields(
  ports: UserFieldsPorts,
  fields: UserFields,
  username: string
): Promise<Stored> {
  const { username: newUsername, phone, locale, claims, password, passwordHash, disabled } = fields
  const number = typeof phone === 'string' ? checkedPhone(ports.checkPhone(phone)) : {}
  const tag = typeof locale === 'string' ? canonicalTag(locale) : locale
  const hash = passwordHash === undefined ? {} : digestOf(passwordHash)
  const errors = {
    username: newUsername === undefined ? undefined : usernameError(newUsername),
    phone: number.error,
    locale:
      typeof locale === 'string' && tag === undefined
        ? 'must be a language tag (BCP 47) such as pt-BR'
        : undefined,
    claims: claims === undefined ? undefined : claimsError(claims),
    passwordHash:
      password !== undefined && passwordHash !== undefined
        ? 'must not be given together with password'
        : hash.error,
    password:
      password === undefined
        ? undefined
        : passwordError(password, username, await ports.commonPasswords())
  }
  const invalid = Object.entries(errors).flatMap(([name, detail]) =>
    detail === undefined ? [] : [{ path: [name], detail }]
  )
  if (invalid.length > 0) throw new Refusal('invalid-request', { errors: invalid })
  return withoutUndefined({
    username: newUsername,
    phone: phone === null ? null : number.phone,
    locale: tag,
    // `claimsError` has checked that they are.
    claims: claims as Claims | undefined,
    passwordDigest: password === undefined ? hash.digest : await ports.passwords.hash(password),
    disabled
  })
}

function checkedPhone(checked: ReturnType<CheckPhone>): { phone?: string; error?: string } {
  if ('phone' in checked) return checked
  return {
    error: checked.error === 'invalid' ? checked.detail : 'must be a personal line in SMS_COUNTRIES'
  }
}

/** A hash as it is stored, or why it can't be. */
function digestOf(hash: string): { digest?: string; error?: string } {
  const normalized = normalizeDigest(hash)
  return 'unusable' in normalized
    ? { error: 'The hash says that the user has no password, and such users cannot log in.' }
    : normalized
}

const withoutUndefined = <T extends object>(fields: T) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: Exclude<T[Name], undefined>
  }

import { passwordForm } from './passwords.ts'
import { usernameKey } from './username.ts'

/** Why attackers guess a password early. */
type PasswordWeakness = 'common' | 'predictable'

/** The weakness of a password; undefined when it has none. */
export type WeaknessOf = (password: string) => PasswordWeakness | undefined

const weaknesses: Record<PasswordWeakness, string> = {
  common: 'The password is on the list of common passwords, which attackers try first.',
  predictable:
    'The password is easy to guess. ' +
    'Avoid repetitions, sequences, keyboard rows and common passwords.'
}

// Control and format characters, fillers and variation selectors are invisible. U+2800 is an empty
// Braille pattern.
const invisible = /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/gu

/**
 * Why a password can't be set, as a sentence for the user; undefined when it can. The rules are a
 * minimum length and a check for passwords that attackers try first. There are no composition rules
 * (NIST SP 800-63B-4 §3.1.1.2). Invisible characters don't count towards either.
 */
export function passwordError(
  password: string,
  username: string,
  weaknessOf: WeaknessOf
): string | undefined {
  if (!password.isWellFormed()) return 'The password must be valid Unicode.'
  const form = passwordForm(password)
  const length = [...form].length
  if (length < 8) return 'The password must have at least 8 characters.'
  if (length > 256) return 'The password must have at most 256 characters.'
  const visible = form.replaceAll(invisible, '')
  if ([...visible].length < 8)
    return 'The password must have at least 8 characters that can be seen.'
  // A username of one or two letters occurs in many words: "jo" must not rule out "enjoy the
  // silence".
  if ([...username].length > 2 && usernameKey(visible).includes(usernameKey(username)))
    return 'The password must not contain the username.'
  for (const spelling of new Set([visible, visible.normalize('NFKC')])) {
    const weakness = weaknessOf(spelling)
    if (weakness !== undefined) return weaknesses[weakness]
  }
  return undefined
}

import { usernameKey } from './username.ts'

/**
 * Why a password can't be set, as a sentence for whoever sets it; undefined when it can. Length and a list of passwords
 * that attackers try first, no rules of composition (NIST SP 800-63B-4 §3.1.1.2).
 */
export function whyNotPassword (password: string, username: string, isCommon: (password: string) => boolean): string | undefined {
  const length = [...password].length
  if (length < 8) return 'The password must have at least 8 characters.'
  if (length > 256) return 'The password must have at most 256 characters.'
  if (!password.isWellFormed()) return 'The password must be valid Unicode.'
  if (isCommon(password)) return 'The password is on the list of common passwords, which attackers try first.'
  // One or two letters are in every other word: that somebody is called "jo" tells nothing about "enjoy the silence".
  if ([...username].length > 2 && usernameKey(password).includes(usernameKey(username))) return 'The password must not contain the username.'
  return undefined
}

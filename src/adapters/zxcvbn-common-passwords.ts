import { dictionary } from '@zxcvbn-ts/language-common'

/** Whether a password is among the 49,000 most common ones, in whatever case. */
export function commonPasswords (): (password: string) => boolean {
  const known = new Set(dictionary['passwords-common'])
  return password => known.has(password.toLowerCase())
}

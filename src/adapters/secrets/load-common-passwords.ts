import type { WeaknessOf } from '../../domain/login/password-policy.ts'

let loaded: Promise<WeaknessOf> | undefined

/**
 * Loads the list of common passwords once. The server needs it only when a password is changed. It
 * takes 20 MB of memory, and loading it takes a quarter of a second.
 */
export const loadCommonPasswords = (): Promise<WeaknessOf> =>
  (loaded ??= import('./zxcvbn-common-passwords.ts').then(module => module.createCommonPasswords()))

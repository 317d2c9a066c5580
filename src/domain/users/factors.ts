import type { User } from './user.ts'

/** The second factors of a user. `recoveryCodes` is the number of unused ones. */
export type Factors = { sms: boolean; totp: boolean; recoveryCodes: number }

/** Which second factors a user can log in with. */
export const factorsOf = ({ phone }: Pick<User, 'phone'>): Factors => ({
  sms: phone !== null,
  totp: false,
  recoveryCodes: 0
})

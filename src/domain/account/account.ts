import { factorsOf, type Factors } from '../users/factors.ts'
import { maskPhone } from '../users/mask-phone.ts'
import type { User } from '../users/user.ts'

/** What users see of themselves. */
export type Account = Pick<User, 'id' | 'username' | 'locale' | 'claims'> & {
  /** Masked. */
  phone: string | null
  factors: Factors
}

/** The user's own view of an account. The phone number is masked. */
export const toAccount = (user: User): Account => ({
  id: user.id,
  username: user.username,
  phone: user.phone === null ? null : maskPhone(user.phone),
  locale: user.locale,
  claims: user.claims,
  factors: factorsOf(user)
})

import type { LockoutKind } from '../domain/codes/purpose.ts'

/** The codes that each lockout is about. */
export const lockoutNames: Readonly<Record<LockoutKind, string>> = {
  login: 'login codes',
  confirmation: 'confirmation codes',
  'phone-change': 'phone-change codes'
}

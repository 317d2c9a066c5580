/** What a challenge guards. A code for one purpose is invalid for any other. */
export type Purpose = 'login' | 'phone-change' | `confirm:${string}`

/**
 * Which lockout wrong codes count towards. An access token is enough to request confirmations and
 * phone changes, so their wrong codes must not lock the owner out of logging in.
 */
export type LockoutKind = 'login' | 'confirmation' | 'phone-change'

/** The lockout that wrong codes for a challenge of this purpose count towards. */
export const lockoutKind = (purpose: Purpose): LockoutKind =>
  purpose === 'login' || purpose === 'phone-change' ? purpose : 'confirmation'

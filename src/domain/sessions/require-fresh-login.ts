import { unixTime } from '../clock.ts'
import { clockSkew } from '../deadlines.ts'
import { Refusal } from '../refusal.ts'
import type { SessionRef } from './session.ts'

/**
 * The session that sends a request, from the claims of its access token. `authTime` is in whole
 * seconds since 1970. `amr` lists authentication methods (RFC 8176).
 */
export type Requester = SessionRef & { authTime: number; amr: readonly string[] }

/**
 * Throws `reauthentication-required` unless the user logged in with two factors at most `maxAge`
 * seconds ago (RFC 9470).
 */
export function requireFreshLogin({ authTime, amr }: Requester, maxAge: number, now: Date): void {
  if (!amr.includes('mfa'))
    throw new Refusal('reauthentication-required', { reason: 'one-factor', maxAge })
  const isFresh =
    authTime + maxAge > unixTime(now) &&
    // A login in the future has an unknown age. The clock was ahead then and has been set back.
    authTime <= unixTime(now) + clockSkew
  if (!isFresh) throw new Refusal('reauthentication-required', { reason: 'too-old', maxAge })
}

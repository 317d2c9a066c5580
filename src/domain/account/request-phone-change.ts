import { isFresh } from '../codes/challenge.ts'
import { toCodeStatus, type CodeStatus } from '../codes/code-status.ts'
import { assertNotLocked, lockoutOf } from '../codes/lockout.ts'
import { openChallenge, type OpenChallengePorts } from '../codes/open-challenge.ts'
import { Refusal, type RefusalSlug } from '../refusal.ts'
import type { RequestContext } from '../request-context.ts'
import { requireFreshLogin, type Requester } from '../sessions/require-fresh-login.ts'
import type { SessionUsers } from '../sessions/session-users.ts'
import { requirePhone, type CheckPhone } from '../users/check-phone.ts'

export type RequestPhoneChangePorts = OpenChallengePorts & {
  users: SessionUsers
  checkPhone: CheckPhone
}

export const requestPhoneChangeRefusals = [
  'invalid-request',
  'invalid-token', // The requester's session has ended.
  'reauthentication-required',
  'sms-undeliverable',
  'too-many-attempts',
  'too-many-texts',
  'sms-unavailable'
] as const satisfies readonly RefusalSlug[]

/**
 * Sends a code to a new number. `text` is the number as the user wrote it. A new number is a new
 * authenticator, so this requires a recent login with both factors (NIST SP 800-63B-4 §4.1.2.1).
 * Requesting the same number again sends no second message while the first one is fresh (see
 * `isFresh`). Another number replaces the pending change. The response does not depend on who else
 * has the number. Throws `requestPhoneChangeRefusals`.
 */
export async function requestPhoneChange(
  ports: RequestPhoneChangePorts,
  context: RequestContext,
  requester: Requester,
  text: string
): Promise<CodeStatus> {
  const { users, checkPhone, events, clock, policy } = ports
  requireFreshLogin(requester, policy.reauthMaxAge, clock())
  const phone = requirePhone(checkPhone, text)
  // Retries when a concurrent request of the same user has replaced the challenge.
  for (;;) {
    const limits = context.requestLimit.take()
    const found = await users.findForSession(requester, 'phone-change', limits, clock())
    if (found === null) throw new Refusal('invalid-token', { reason: 'session-ended' })
    const { user, challenge: previous, language } = found
    // A fixed code proves no possession of a phone, so it neither confirms a new number nor
    // authorizes one.
    const numbers = [phone, user.phone ?? phone]
    if (numbers.some(number => policy.testNumbers.has(number)))
      throw new Refusal('sms-undeliverable')
    if (user.phone === phone)
      throw new Refusal('invalid-request', {
        errors: [{ path: ['phone'], detail: 'must differ from the number on file' }]
      })
    assertNotLocked(lockoutOf(user, 'phone-change'), policy.limits.codeFailures, clock())
    if (isFresh(previous, clock()) && previous.newPhone === phone)
      return toCodeStatus(previous, phone, false, clock())
    const pending = await openChallenge(ports, context, {
      user,
      to: phone,
      purpose: 'phone-change',
      newPhone: phone,
      details: null,
      language,
      previous
    })
    if (pending === null) continue
    events.record({
      name: 'phone_change.requested',
      context,
      userId: user.id,
      sessionId: requester.id
    })
    return pending
  }
}

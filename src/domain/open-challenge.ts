import type { Charge } from './budgets.ts'
import type { Caller } from './caller.ts'
import type { Challenge } from './challenge.ts'
import { after } from './clock.ts'
import type { Codes } from './codes.ts'
import { pendingCode, type PendingCode } from './pending-code.ts'
import { randomId } from './random-id.ts'
import { textCode, type TextCodePorts } from './text-code.ts'
import type { User } from './user.ts'

export type OpenChallengePorts = TextCodePorts & { codes: Codes }

/** A person who can be texted. */
export type Textable = User & { phone: string }

/**
 * Starts a challenge for `user` in the place of `previous`, and texts its code. Null when another was faster, or the person is
 * no longer as `user` says. `refunds` are given back to their budgets when the text is charged.
 * Throws `too-many-texts`, `sms-unavailable`, `sms-undeliverable`.
 */
export async function openChallenge (
  ports: OpenChallengePorts, caller: Caller, user: Textable, what: Pick<Challenge, 'purpose' | 'subject'>, previous: Challenge | null, refunds: Charge[] = []
): Promise<PendingCode | null> {
  const { challenges, codes, clock, policy } = ports
  const now = clock()
  const bound = { id: randomId(), ...what }
  const code = codes.draw(previous)
  const next: Challenge = {
    ...bound,
    userId: user.id,
    codeHash: codes.hash(bound, code),
    codeExpiresAt: after(now, policy.codeTtl),
    resendAt: after(now, policy.resendCooldown),
    attemptsLeft: policy.codeAttempts,
    expiresAt: after(now, policy.challengeTtl),
    consumedAt: null
  }
  const store = (charges: Charge[]) => challenges.replace(previous, next, user, charges, now)
  if (!await textCode(ports, caller, { challenge: next, to: user.phone, locale: user.locale, code, store, refunds }, now)) return null
  return pendingCode(next, user.phone, true, clock())
}

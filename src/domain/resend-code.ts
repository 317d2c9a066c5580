import type { Charge } from './budgets.ts'
import type { Caller } from './caller.ts'
import { isOpen } from './challenge.ts'
import { after, secondsUntil } from './clock.ts'
import { refuseLocked } from './code-lock.ts'
import type { Codes } from './codes.ts'
import { pendingCode, type PendingCode } from './pending-code.ts'
import { Refusal } from './refusal.ts'
import { settle } from './spend.ts'
import { textCode, type TextCodePorts } from './text-code.ts'
import type { Users } from './user.ts'

export type ResendCodePorts = TextCodePorts & { users: Users, codes: Codes }

/**
 * Texts a new code for a running challenge; the old code is dead, the attempts and the end stay as they are.
 * Throws `challenge-ended`, `resend-too-soon`, `too-many-attempts`, `too-many-texts`, `sms-unavailable`, `sms-undeliverable`.
 */
export async function resendCode (ports: ResendCodePorts, caller: Caller, challengeId: string): Promise<PendingCode> {
  const { challenges, users, codes, clock, policy } = ports
  const { spending, result: found } = await users.findByChallenge(challengeId, caller.toll, clock())
  settle(ports, caller, spending)
  const now = clock()
  if (found === null || !isOpen(found.challenge, now)) throw new Refusal('challenge-ended')
  const { user, challenge: previous } = found
  if (user.disabled || user.phone === null) throw new Refusal('challenge-ended')
  refuseLocked(user, policy.limits.codeFailures, now)
  if (previous.resendAt > now) throw new Refusal('resend-too-soon', { retryAfter: secondsUntil(previous.resendAt, now) })

  const code = codes.draw(previous)
  const next = {
    ...previous,
    codeHash: codes.hash(previous, code),
    codeExpiresAt: earlier(after(now, policy.codeTtl), previous.expiresAt),
    resendAt: after(now, policy.resendCooldown)
  }
  const store = (charges: Charge[]) => challenges.renewCode(previous, next, charges, now)
  // Somebody changed the challenge meanwhile, most likely by a resend of their own: look again.
  if (!await textCode(ports, caller, { challenge: next, to: user.phone, locale: user.locale, code, store, refunds: [] }, now)) return resendCode(ports, caller, challengeId)
  return pendingCode(next, user.phone, true, clock())
}

const earlier = (one: Date, other: Date) => one < other ? one : other

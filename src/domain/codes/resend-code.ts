import { after, secondsUntil } from '../clock.ts'
import { Refusal, type RefusalSlug } from '../refusal.ts'
import type { RequestContext } from '../request-context.ts'
import { challengeEnded, isOpen, nextMessageAt } from './challenge.ts'
import { toCodeStatus, type CodeStatus } from './code-status.ts'
import type { Codes } from './codes.ts'
import { assertNotLocked, lockoutOf } from './lockout.ts'
import { lockoutKind } from './purpose.ts'
import { drawCode, sendCode, type SendCodePorts } from './send-code.ts'

export type ResendCodePorts = SendCodePorts & { codes: Codes }

export const resendCodeRefusals = [
  'challenge-ended',
  'resend-too-soon',
  'too-many-attempts',
  'too-many-texts',
  'sms-undeliverable',
  'sms-unavailable'
] as const satisfies readonly RefusalSlug[]

/**
 * Sends a new code for an open challenge. The old code stops working. The number of attempts and
 * the expiry do not change. Throws `resendCodeRefusals`.
 */
export async function resendCode(
  ports: ResendCodePorts,
  context: RequestContext,
  challengeId: string
): Promise<CodeStatus> {
  const { challenges, codes, clock, policy } = ports
  const found = await challenges.findWithUser(challengeId, context.requestLimit.take(), clock())
  const now = clock()
  context.userId = found?.user.id ?? context.userId
  if (found === null) throw challengeEnded(null, now)
  const { user, challenge: previous } = found
  const to = previous.newPhone ?? user.phone
  if (!isOpen(previous, now) || user.disabled || to === null) throw challengeEnded(previous, now)
  const lockout = lockoutOf(user, lockoutKind(previous.purpose))
  assertNotLocked(lockout, policy.limits.codeFailures, now)
  const resendAt = nextMessageAt(previous, now)
  if (resendAt > now)
    throw new Refusal('resend-too-soon', {
      limit: 'cooldown',
      retryAfter: secondsUntil(resendAt, now)
    })

  const { code, message } = drawCode(ports, { purpose: previous.purpose, to, previous }, now)
  const next = {
    ...previous,
    codeHash: codes.hash(previous, code),
    codeExpiresAt: earlier(after(now, policy.codeTtl), previous.expiresAt),
    resendAt: after(now, policy.resendCooldown),
    ...message
  }
  const sent = await sendCode(ports, context, {
    message: { challenge: next, to, locale: user.locale, code },
    store: limits => challenges.renewCode(previous, next, limits, now),
    now
  })
  // A concurrent request changed the challenge, most likely another resend. Look again.
  return sent ? toCodeStatus(next, to, true, clock()) : resendCode(ports, context, challengeId)
}

const earlier = (one: Date, other: Date) => (one < other ? one : other)

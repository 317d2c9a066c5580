import { after } from '../clock.ts'
import { matchLanguage } from '../messages/match-language.ts'
import { randomId } from '../random-id.ts'
import type { LimitAction } from '../rate-limits/rate-limit.ts'
import type { RequestContext } from '../request-context.ts'
import type { User } from '../users/user.ts'
import type { Challenge } from './challenge.ts'
import { toCodeStatus, type CodeStatus } from './code-status.ts'
import type { Codes } from './codes.ts'
import { drawCode, sendCode, type SendCodePorts } from './send-code.ts'

export type OpenChallengePorts = SendCodePorts & { codes: Codes }

/** A challenge to open. Without a language, messages use the one that the request asks for. */
type NewChallenge = Pick<Challenge, 'purpose' | 'newPhone' | 'details' | 'language'> & {
  user: User
  /** The number that the code goes to. */
  to: string
  /** The user's challenge for this purpose so far. */
  previous: Challenge | null
  /** Limits that are given back together with consuming those of the message. */
  refunds?: readonly LimitAction[]
}

/**
 * Opens a challenge in place of `previous` and sends its code. Resolves to null when a concurrent
 * request did so first, or the user has changed. Throws `too-many-texts`, `sms-unavailable`,
 * `sms-undeliverable`.
 */
export async function openChallenge(
  ports: OpenChallengePorts,
  context: RequestContext,
  { user, to, previous, refunds = [], ...properties }: NewChallenge
): Promise<CodeStatus | null> {
  const { challenges, codes, clock, policy } = ports
  const now = clock()
  const { purpose } = properties
  const binding = { id: randomId(), purpose }
  const { code, message } = drawCode(ports, { purpose, to, previous }, now)
  const next = {
    ...properties,
    ...binding,
    language:
      properties.language ??
      matchLanguage(policy.messages.wordings, context.languages)?.language ??
      null,
    userId: user.id,
    codeHash: codes.hash(binding, code),
    codeExpiresAt: after(now, policy.codeTtl),
    resendAt: after(now, policy.resendCooldown),
    attemptsLeft: policy.codeAttempts,
    expiresAt: after(now, policy.challengeTtl),
    consumedAt: null,
    ...message
  }
  const sent = await sendCode(ports, context, {
    message: { challenge: next, to, locale: user.locale, code },
    store: limits => challenges.replace(previous, next, user, limits, now),
    refunds,
    now
  })
  return sent ? toCodeStatus(next, to, true, clock()) : null
}

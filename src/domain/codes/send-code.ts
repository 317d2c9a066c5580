import { secondsUntil, type Clock } from '../clock.ts'
import type { Events } from '../events.ts'
import { composeMessage } from '../messages/compose-message.ts'
import { ownedByRecipient, smsLimits } from '../messages/sms-limits.ts'
import type { CountryTraffic } from '../messages/sms-pumping.ts'
import type { Sms } from '../messages/sms.ts'
import type { Policy } from '../policy.ts'
import {
  consume,
  rateLimited,
  refund,
  type LimitAction,
  type RateLimit,
  type RateLimits
} from '../rate-limits/rate-limit.ts'
import { Refusal } from '../refusal.ts'
import type { RequestContext } from '../request-context.ts'
import type { Challenge, Challenges } from './challenge.ts'
import { lockoutKind } from './purpose.ts'
import { checkDeliverable, isUndeliverable, undeliverableMark } from './undeliverable.ts'

export type SendCodePorts = {
  challenges: Challenges
  sms: Sms
  rateLimits: RateLimits
  countryTraffic: CountryTraffic
  /** The ISO code of a number's country; "none" if it has none. */
  countryOf: (phone: string) => string
  events: Events
  clock: Clock
  policy: Policy
}

/** A code, its challenge, and the number to send it to. */
type NewMessage = {
  challenge: Challenge
  to: string
  /** The user's language, if the operator has set one. */
  locale: string | null
  code: string
}

export type NewCode = {
  message: NewMessage
  /**
   * Stores the challenge and applies these limits in the same statement. Resolves to false if it
   * stored nothing.
   */
  store: (limits: readonly LimitAction[]) => Promise<boolean>
  /** Limits that the same statement gives back. */
  refunds?: readonly LimitAction[]
  now: Date
}

/**
 * Stores a challenge and then sends its code, so that the database knows every code before a phone
 * does. Resolves to false, and sends nothing, when `store` resolves to false. If the SMS provider
 * does not confirm the message, the new code is void. If a rate limit refuses the message, the
 * previous code stays valid. Throws `too-many-texts`, `sms-unavailable`, `sms-undeliverable`.
 */
export async function sendCode(
  ports: SendCodePorts,
  context: RequestContext,
  { message, store, refunds = [], now }: NewCode
): Promise<boolean> {
  const { challenges, rateLimits, countryTraffic, countryOf, clock, policy } = ports
  const { challenge, to } = message
  const country = countryOf(to)
  const pausedUntil = await countryTraffic.pausedUntil(country, now)
  if (pausedUntil !== null) {
    await rateLimits.apply(refunds, now)
    throw rateLimited({ name: 'sms.country-paused' }, pausedUntil, now)
  }

  const { userId, purpose } = challenge
  const limits = smsLimits(policy.limits, context, { purpose, userId, phone: to, country })
  const consumedAt = clock()
  let stored: boolean | undefined
  try {
    stored = await store([...refunds, ...limits.map(consume), ...checkDeliverable(to)])
    if (stored) await send(ports, context, message, { country, limits, consumedAt, now })
    return stored
  } catch (error) {
    // A rate limit refused the message, so there is no new code.
    if (stored === undefined && error instanceof Refusal) throw error
    // The code may be stored although storing failed, and would make the user wait for a message
    // that was never sent. If it is not stored, nothing is voided: `voidCode` matches the id and
    // the code.
    await challenges.voidCode(challenge, clock()).catch(failure => {
      if (error instanceof Refusal) error.cause = failure
    })
    throw error
  }
}

/** The message that goes with a challenge. */
const messageKinds = {
  login: 'login',
  confirmation: 'confirmation',
  'phone-change': 'phoneChange'
} as const

type SendContext = { country: string; limits: RateLimit[]; consumedAt: Date; now: Date }

async function send(
  { sms, rateLimits, countryTraffic, events, clock, policy }: SendCodePorts,
  context: RequestContext,
  { challenge, to, locale, code }: NewMessage,
  { country, limits, consumedAt, now }: SendContext
) {
  const { userId, purpose, details, language, codeExpiresAt } = challenge
  const lifetime = secondsUntil(codeExpiresAt, now)
  const languages = [locale, language].filter(tag => tag !== null).concat(context.languages)
  const kind = messageKinds[lockoutKind(purpose)]
  const content = { kind, code, lifetime, sentence: details?.text ?? null }
  const body = composeMessage(policy.messages, languages, content)
  const outcome = await sms.send({ to, body, validFor: lifetime })
  if (outcome === 'accepted') {
    countryTraffic.recordSent(country, clock())
    events.record({ name: 'code.sent', context, userId, country })
    return
  }
  events.record({ name: 'code.send_failed', context, userId, country, reason: outcome })
  const marks = isUndeliverable(outcome) ? [consume(undeliverableMark(to, outcome))] : []
  const refusal = new Refusal(
    outcome === 'undeliverable' || marks.length > 0 ? 'sms-undeliverable' : 'sms-unavailable'
  )
  // With the result `unknown`, the message may have arrived. It stays counted. Otherwise an
  // attacker could flood a phone while Twilio is failing.
  if (outcome !== 'unknown') {
    const refunds = ownedByRecipient(limits).map(limit => refund(limit, consumedAt))
    // The mark is stored before the code is voided, because a concurrent request that sees the void
    // code must also see the mark.
    await rateLimits.apply([...refunds, ...marks], clock()).catch(failure => {
      refusal.cause = failure
    })
  }
  throw refusal
}

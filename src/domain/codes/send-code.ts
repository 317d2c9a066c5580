import { secondsUntil, type Clock } from '../clock.ts'
import type { Events } from '../events.ts'
import { composeMessage } from '../messages/compose-message.ts'
import { ownedByRecipient, smsLimits } from '../messages/sms-limits.ts'
import type { CountryTraffic } from '../messages/sms-pumping.ts'
import type { Sms, SendResult } from '../messages/sms.ts'
import type { Policy } from '../policy.ts'
import {
  consume,
  rateLimited,
  refund,
  type LimitAction,
  type RateLimits
} from '../rate-limits/rate-limit.ts'
import { randomId } from '../random-id.ts'
import { Refusal } from '../refusal.ts'
import type { RequestContext } from '../request-context.ts'
import type { Challenge, Challenges } from './challenge.ts'
import type { Codes } from './codes.ts'
import { reasonFor } from './delivery.ts'
import { lockoutKind, type Purpose } from './purpose.ts'
import { fixedCode } from './test-numbers.ts'
import { checkDeliverable, isUndeliverable } from './undeliverable.ts'

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
  challenge: Challenge & { messageId: string }
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
 * The next code for a number, and the properties of its challenge that concern the message. A login
 * with a test number gets its fixed code and no message. The rule that the next code differs from
 * that of `previous` does not hold for it: there is no other code.
 */
export function drawCode(
  { codes, policy }: { codes: Codes; policy: Policy },
  { purpose, to, previous }: { purpose: Purpose; to: string; previous: Challenge | null },
  now: Date
): { code: string; message: Pick<NewMessage['challenge'], MessageProperty> } {
  const fixed = fixedCode(policy.testNumbers, purpose, to, now)
  const expected = policy.reportsDelivery ? 'queued' : 'unknown'
  return {
    code: fixed ?? codes.draw(previous),
    message: {
      messageId: randomId(),
      delivery: fixed === undefined ? expected : 'none',
      deliveryReason: null,
      providerMessageId: null
    }
  }
}

type MessageProperty = 'messageId' | 'delivery' | 'deliveryReason' | 'providerMessageId'

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
  let outcome: SendResult
  try {
    stored = await store([
      ...refunds,
      ...limits.map(consume),
      ...checkDeliverable(to, policy.reportsDelivery)
    ])
    if (!stored) return false
    outcome = await send(ports, context, message, { country, now })
  } catch (error) {
    // A rate limit refused the message, so there is no new code.
    if (stored === undefined && error instanceof Refusal) throw error
    // The code may be stored although storing failed, and would make the user wait for a message
    // that was never sent. If it is not stored, nothing is voided: `voidCode` matches the id and
    // the code.
    await challenges.voidCode(challenge, null, clock()).catch(() => {})
    throw error
  }
  if (outcome === 'accepted') return true
  // With the result `unknown`, the message may have arrived. It stays counted. Otherwise an
  // attacker could flood a phone while Twilio is failing.
  const giveBack =
    outcome === 'unknown' ? [] : ownedByRecipient(limits).map(limit => refund(limit, consumedAt))
  throw await refuse(ports, message, outcome, giveBack)
}

/** The message that goes with a challenge. */
const messageKinds = {
  login: 'login',
  confirmation: 'confirmation',
  'phone-change': 'phoneChange'
} as const

/**
 * Sends the message, if the challenge has one, and records an event. Records the traffic of its
 * country if the message was accepted.
 */
async function send(
  { sms, countryTraffic, events, clock, policy }: SendCodePorts,
  context: RequestContext,
  { challenge, to, locale, code }: NewMessage,
  { country, now }: { country: string; now: Date }
): Promise<SendResult> {
  const { userId, purpose, details, language, codeExpiresAt, messageId, delivery } = challenge
  if (delivery === 'none') {
    events.record({ name: 'code.test_number_used', context, userId, country })
    return 'accepted'
  }
  const lifetime = secondsUntil(codeExpiresAt, now)
  const languages = [locale, language].filter(tag => tag !== null).concat(context.languages)
  const kind = messageKinds[lockoutKind(purpose)]
  const content = { kind, code, lifetime, sentence: details?.text ?? null }
  const body = composeMessage(policy.messages, languages, content)
  const outcome = await sms.send({ id: messageId, to, body, validFor: lifetime, context, userId })
  if (outcome === 'accepted') {
    countryTraffic.recordSent(country, clock())
    events.record({ name: 'code.sent', context, userId, country, purpose: lockoutKind(purpose) })
  } else events.record({ name: 'code.send_failed', context, userId, country, reason: outcome })
  return outcome
}

/** Voids the code of a message that was not accepted. Resolves to the refusal to throw. */
async function refuse(
  { challenges, rateLimits, clock }: SendCodePorts,
  { challenge, to }: NewMessage,
  outcome: Exclude<SendResult, 'accepted'>,
  refunds: readonly LimitAction[]
): Promise<Refusal> {
  const undeliverable = isUndeliverable(outcome) ? outcome : null
  const refusal =
    outcome === 'undeliverable' || undeliverable !== null
      ? new Refusal('sms-undeliverable')
      : new Refusal('sms-unavailable')
  const failure = {
    reason: undeliverable === null ? ('unknown' as const) : reasonFor[undeliverable],
    undeliverable,
    phone: to
  }
  const noteFailure = (error: unknown) => {
    refusal.cause = error
  }
  await rateLimits.apply(refunds, clock()).catch(noteFailure)
  await challenges
    .voidCode(challenge, outcome === 'unknown' ? null : failure, clock())
    .catch(noteFailure)
  return refusal
}

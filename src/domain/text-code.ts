import { refundOf, type Budgets, type Charge, type Charged } from './budgets.ts'
import type { Caller } from './caller.ts'
import type { Challenge, Challenges } from './challenge.ts'
import { secondsUntil, type Clock } from './clock.ts'
import { codeText } from './code-text.ts'
import type { CountryTraffic } from './country-traffic.ts'
import type { Events } from './events.ts'
import type { Policy } from './policy.ts'
import { Refusal } from './refusal.ts'
import type { Sms } from './sms.ts'
import { settle } from './spend.ts'
import { textCharges } from './text-charges.ts'

export type TextCodePorts = {
  challenges: Challenges
  sms: Sms
  budgets: Budgets
  countryTraffic: CountryTraffic
  /** The ISO code of a number's country; "none" if it has none. */
  countryOf: (phone: string) => string
  events: Events
  clock: Clock
  policy: Policy
}

/**
 * A code on its way: `store` writes the challenge that holds it, with what its text costs, and says whether it did. In the same
 * statement `refunds` are given back to their budgets.
 */
export type NewText = {
  challenge: Challenge
  to: string
  /** The language of the person, where it is known. */
  locale: string | null
  code: string
  store: (charges: Charge[]) => Promise<Charged<boolean>>
  refunds: Charge[]
}

/**
 * Stores a challenge, then texts its code, so that no code is ever on a phone but not in the record. False, and no text,
 * when it was not to be stored. A text that can't be handed over voids the code; one that is not even tried, because there
 * were too many, leaves the code that was as it was.
 * Throws `too-many-texts`, `sms-unavailable`, `sms-undeliverable`.
 */
export async function textCode (ports: TextCodePorts, caller: Caller, text: NewText, now: Date): Promise<boolean> {
  const { budgets, clock, countryTraffic, events, policy } = ports
  const { challenge, to, store, refunds } = text
  const country = ports.countryOf(to)
  const stoppedUntil = await countryTraffic.stoppedUntil(country, now)
  if (stoppedUntil !== null) {
    await budgets.spend(refunds, now)
    events.record({ name: 'limit.reached', caller, budget: 'texts.country-stopped' })
    throw new Refusal('too-many-texts', { retryAfter: secondsUntil(stoppedUntil, now) })
  }

  const charges = textCharges(policy.limits, caller, { userId: challenge.userId, phone: to, country })
  const chargedAt = clock()
  // Charged where it is stored, or of many logins at once all but one would be refused for their texts.
  const { spending, result: stored } = await orVoid(ports, challenge, () => store([...refunds, ...charges]))
  if (stored) {
    await orVoid(ports, challenge, async () => {
      settle(ports, caller, spending)
      await send(ports, caller, text, { country, charges, chargedAt, lifetime: secondsUntil(challenge.codeExpiresAt, now) })
    })
  } else {
    settle(ports, caller, spending)
  }
  return stored
}

// Also when storing failed: the code may be there all the same, and with it the wait for a text that never went out.
async function orVoid<T> ({ challenges, clock }: TextCodePorts, challenge: Challenge, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    // Should the database fail here, the caller is still told of the text, and the log of both.
    await challenges.voidCode(challenge, clock()).catch(reason => { if (error instanceof Refusal) error.cause = reason })
    throw error
  }
}

type Sending = { country: string, charges: Charge[], chargedAt: Date, lifetime: number }

async function send ({ sms, budgets, countryTraffic, events, clock, policy }: TextCodePorts, caller: Caller, { challenge, to, locale, code }: NewText, { country, charges, chargedAt, lifetime }: Sending) {
  const { userId } = challenge
  const languages = locale === null ? caller.languages : [locale, ...caller.languages]
  const body = codeText(policy.texts, languages, { code, lifetime, sentence: challenge.subject?.text ?? null })
  const outcome = await sms.send({ to, body, validFor: lifetime })
  if (outcome === 'accepted') {
    countryTraffic.texted(country, clock())
    events.record({ name: 'code.sent', caller, userId, country })
    return
  }
  events.record({ name: 'code.not-sent', caller, userId, country, reason: outcome })
  const refusal = new Refusal(outcome === 'undeliverable' ? 'sms-undeliverable' : 'sms-unavailable')
  // A text whose fate nobody knows may have arrived and counts, or a phone could be flooded while Twilio falters.
  if (outcome !== 'unknown') await budgets.spend(charges.map(charge => refundOf(charge, chargedAt)), clock()).catch(reason => { refusal.cause = reason })
  throw refusal
}

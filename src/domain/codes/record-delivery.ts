import type { Clock } from '../clock.ts'
import type { Events } from '../events.ts'
import type { CountryTraffic } from '../messages/sms-pumping.ts'
import type { RequestContext } from '../request-context.ts'
import type { Challenges } from './challenge.ts'
import type { DeliveryReport } from './delivery.ts'

export type RecordDeliveryPorts = {
  challenges: Challenges
  countryTraffic: CountryTraffic
  /** The ISO code of a number's country; "none" if it has none. */
  countryOf: (phone: string) => string
  events: Events
  clock: Clock
}

/**
 * Records a report about the newest message of a challenge. A report about another message, or of a
 * state that has been replaced, changes nothing. A state is an event once, however often it is
 * reported.
 */
export async function recordDelivery(
  { challenges, countryTraffic, countryOf, events, clock }: RecordDeliveryPorts,
  context: RequestContext,
  report: DeliveryReport | null
): Promise<void> {
  if (report === null) return
  const recipient = await challenges.recordDelivery(report, clock())
  if (recipient === null) return
  const { userId, phone } = recipient
  context.userId = userId
  const facts = { context, userId, country: countryOf(phone ?? '') }
  if (report.delivery === 'delivered') events.record({ name: 'code.delivered', ...facts })
  if (report.failure === null) return
  const { reason, fault, providerCode } = report.failure
  // Sent, but its code can't be entered: what SMS pumping looks like.
  countryTraffic.recordFailed(facts.country, clock())
  events.record({ name: 'code.undelivered', ...facts, reason, providerCode })
  if (fault !== null) events.record({ name: 'sms.service_refused', ...facts, fault, providerCode })
}

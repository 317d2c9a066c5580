import type { Events } from '../../domain/events.ts'
import type { Sms } from '../../domain/messages/sms.ts'
import { createOutage } from '../logs/create-outage.ts'

/**
 * Records `sms.recovered` when the SMS provider accepts a message after it failed to. A message
 * that cannot be sent to its number is no failure of the provider.
 */
export function createRecoveryNotingSms(sms: Sms, events: Events): Sms {
  const outage = createOutage('sms.recovered', events)
  return {
    async send(message) {
      const startedAt = performance.now()
      const outcome = await sms.send(message)
      if (outcome === 'rejected' || outcome === 'unknown') outage.failed()
      else if (outcome === 'accepted') outage.succeeded(startedAt)
      return outcome
    }
  }
}

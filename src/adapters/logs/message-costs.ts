import { Counter, Gauge, type Registry } from 'prom-client'
import type { Event } from '../../domain/events.ts'

/** What was counted for the logins of one country. */
type Logins = { messages: number; verified: number }

/**
 * Adds counters of messages with codes and of right codes, and a gauge with the messages that each
 * verified login of a country has cost so far. Returns a function that counts an event.
 */
export function addMessageCosts(registry: Registry): (event: Event) => void {
  const registers = [registry]
  const labelNames = ['country', 'purpose']
  const messages = new Counter({
    name: 'sms_login_messages_total',
    help: 'Messages with codes that the SMS provider accepted, by country and purpose.',
    labelNames,
    registers
  })
  const verified = new Counter({
    name: 'sms_login_verified_total',
    help: 'Logins, confirmations and phone changes with a right code, by country and purpose.',
    labelNames,
    registers
  })
  const logins = new Map<string, Logins>()
  new Gauge({
    name: 'sms_login_messages_per_verified_login',
    help: 'Messages of this instance per verified login, by country. None before the first login.',
    labelNames: ['country'],
    registers,
    collect() {
      for (const [country, counts] of logins)
        if (counts.verified > 0) this.set({ country }, counts.messages / counts.verified)
    }
  })

  return event => {
    if (event.name !== 'code.sent' && event.name !== 'code.accepted') return
    const { country, purpose } = event
    const [counter, count] =
      event.name === 'code.sent'
        ? ([messages, 'messages'] as const)
        : ([verified, 'verified'] as const)
    counter.inc({ country, purpose })
    if (purpose !== 'login') return
    const counts = logins.get(country) ?? { messages: 0, verified: 0 }
    counts[count]++
    logins.set(country, counts)
  }
}

import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client'
import type { Events } from '../domain/events.ts'

/** An answer, as the metrics count it. */
export type Answer = { method: string, route: string, status: number, seconds: number }

export type Metrics = {
  /** Counts what is recorded, and passes it on. */
  counting: (events: Events) => Events
  answered: (answer: Answer) => void
  /** All there is, in Prometheus' text format. */
  text: () => Promise<string>
  contentType: string
}

/** Metrics for Prometheus: the events, the answers, and the process itself. */
export function prometheusMetrics (): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const recorded = new Counter({
    name: 'sms_login_events_total',
    help: 'Events by name; texts and right codes by country, refusals by budget.',
    labelNames: ['event', 'country', 'budget'],
    registers
  })
  const answers = new Histogram({
    name: 'sms_login_http_request_duration_seconds',
    help: 'Requests by route, method and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers
  })

  return {
    counting: events => ({
      record (event) {
        recorded.inc({ event: event.name, country: 'country' in event ? event.country : '', budget: 'budget' in event ? event.budget : '' })
        events.record(event)
      }
    }),
    answered: ({ seconds, ...labels }) => answers.observe(labels, seconds),
    text: () => registry.metrics(),
    contentType: registry.contentType
  }
}

import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client'
import type { Events } from '../../domain/events.ts'

/** A response, as the metrics count it. */
export type HttpResponse = { method: string; route: string; status: number; seconds: number }

export type Metrics = {
  /** Counts each event and passes it on to `events`. */
  counting: (events: Events) => Events
  recordResponse: (response: HttpResponse) => void
  /** All metrics in Prometheus' text format. */
  text: () => Promise<string>
  contentType: string
}

/** Metrics for Prometheus: the events, the responses and the process. */
export function createPrometheusMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const recorded = new Counter({
    name: 'sms_login_events_total',
    help: 'Events by name; messages and accepted codes by country, refusals by rate limit.',
    labelNames: ['event', 'country', 'limit'],
    registers
  })
  const responses = new Histogram({
    name: 'sms_login_http_request_duration_seconds',
    help: 'Requests by route, method and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers
  })

  return {
    counting: events => ({
      record(event) {
        recorded.inc({
          event: event.name,
          country: 'country' in event ? event.country : '',
          limit: 'limit' in event ? event.limit : ''
        })
        events.record(event)
      }
    }),
    recordResponse: ({ seconds, ...labels }) => responses.observe(labels, seconds),
    text: () => registry.metrics(),
    contentType: registry.contentType
  }
}

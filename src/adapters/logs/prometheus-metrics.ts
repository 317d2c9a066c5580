import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client'
import type { Events } from '../../domain/events.ts'
import type { Sms } from '../../domain/messages/sms.ts'
import type { HashObserver } from '../secrets/hash-queue.ts'
import type { SmsLog } from '../sms/twilio-sms.ts'
import { addBuildInfo } from './build-info.ts'
import { eventReasons, reasonOf, sendResults, type LoggedEventName } from './event-reasons.ts'
import { addMessageCosts } from './message-costs.ts'
import { addStateGauges, type ObservedState } from './state-gauges.ts'

/** A response, as the metrics count it. */
export type HttpResponse = { method: string; route: string; status: number; seconds: number }

/** An event that is only a line of the log. */
type LoggedEvent = { event: LoggedEventName; reason?: string; country?: string }

export type Metrics = {
  /** Counts each event and passes it on to `events`. */
  counting: (events: Events) => Events
  /** Counts the lines about messages that are not events of the domain, and passes all lines on. */
  countingLines: (log: SmsLog) => SmsLog
  countLogged: (event: LoggedEvent) => void
  /** Times each message. */
  timing: (sms: Sms) => Sms
  hashes: HashObserver
  /** Reads the state of the service from now on whenever the metrics are read. */
  observe: (state: ObservedState) => void
  recordResponse: (response: HttpResponse) => void
  /** All metrics in Prometheus' text format. Never rejects. */
  text: () => Promise<string>
  contentType: string
}

/**
 * Metrics for Prometheus: the events, the responses, the durations of messages and hashes, the
 * state of the service and the process. The values of labels come from bounded sets, and never
 * identify a user.
 */
export function createPrometheusMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  addBuildInfo(registry)
  const count = createEventCounter(registry)
  const countCosts = addMessageCosts(registry)
  const responses = new Histogram({
    name: 'sms_login_http_request_duration_seconds',
    help: 'Duration of requests, by route, method and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers
  })
  const sends = new Histogram({
    name: 'sms_login_sms_send_duration_seconds',
    help: 'Time until the SMS provider has answered, or the timeout, by result.',
    labelNames: ['result'],
    buckets: [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 20],
    registers
  })
  for (const result of sendResults) sends.zero({ result })

  const countLogged = ({ event, reason, country }: LoggedEvent) => count(event, { reason, country })
  const isLogged = (fields: object): fields is LoggedEvent =>
    'event' in fields && typeof fields.event === 'string' && loggedEvents.has(fields.event)
  const counted =
    (write: (fields: object, message: string) => void) => (fields: object, message: string) => {
      if (isLogged(fields)) countLogged(fields)
      write(fields, message)
    }

  return {
    counting: events => ({
      record(event) {
        count(event.name, {
          reason: reasonOf(event),
          country: 'country' in event ? event.country : '',
          limit: 'limit' in event ? event.limit : ''
        })
        countCosts(event)
        events.record(event)
      }
    }),
    countingLines: log => ({
      warn: counted((fields, message) => log.warn(fields, message)),
      error: counted((fields, message) => log.error(fields, message))
    }),
    countLogged,
    timing: sms => ({
      async send(message) {
        const startedAt = performance.now()
        const result = await sms.send(message)
        sends.observe({ result }, secondsSince(startedAt))
        return result
      }
    }),
    hashes: createHashMetrics(registry),
    observe: state => addStateGauges(registry, state),
    recordResponse: ({ seconds, ...labels }) => responses.observe(labels, seconds),
    text: () => registry.metrics(),
    contentType: registry.contentType
  }
}

/** The lines about messages that are counted. */
const loggedEvents: ReadonlySet<string> = new Set<LoggedEventName>([
  'sms.failed',
  'sms.refused',
  'sms.feedback_failed'
])

type EventLabels = { reason?: string | undefined; country?: string | undefined; limit?: string }

/** Counts events. All series whose labels are known in advance start at zero. */
function createEventCounter(registry: Registry) {
  const events = new Counter({
    name: 'sms_login_events_total',
    help: 'Events by name and reason, of messages also by country, of rate limits by limit.',
    labelNames: ['event', 'reason', 'country', 'limit'],
    registers: [registry]
  })
  const count = (
    event: string,
    { reason = '', country = '', limit = '' }: EventLabels,
    number = 1
  ) => events.inc({ event, reason, country, limit }, number)
  for (const [event, reasons] of Object.entries(eventReasons))
    for (const reason of reasons.length === 0 ? [''] : reasons) count(event, { reason }, 0)
  return (event: string, labels: EventLabels) => count(event, labels)
}

function createHashMetrics(registry: Registry): HashObserver {
  const registers = [registry]
  const waits = new Histogram({
    name: 'sms_login_password_hash_wait_seconds',
    help: 'Time in the password-hashing queue, of requests whose turn came.',
    buckets: [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20],
    registers
  })
  const hashes = new Histogram({
    name: 'sms_login_password_hash_duration_seconds',
    help: 'Duration of one password hash, without the wait for it.',
    buckets: [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5],
    registers
  })
  const refused = new Counter({
    name: 'sms_login_password_hashes_refused_total',
    help: 'Requests that were refused because the password-hashing queue was full.',
    registers
  })
  return {
    waited: milliseconds => waits.observe(milliseconds / 1000),
    hashed: milliseconds => hashes.observe(milliseconds / 1000),
    refused: () => refused.inc()
  }
}

const secondsSince = (startedAt: number) => (performance.now() - startedAt) / 1000

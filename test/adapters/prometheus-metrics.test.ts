import t from 'tap'
import { prometheusMetrics } from '../../src/adapters/prometheus-metrics.ts'
import type { Event } from '../../src/domain/events.ts'
import { metricsServer } from '../../src/http/metrics-server.ts'

t.test('events are counted and passed on, answers are timed, and nobody in particular is named', async t => {
  const metrics = prometheusMetrics()
  const passedOn: Event[] = []
  const { record } = metrics.counting({ record: event => { passedOn.push(event) } })
  const caller = { address: '198.51.100.7', network: '198.51.100.7', requestId: 'one', languages: [], toll: [] }
  const events: Event[] = [
    { name: 'code.sent', caller, userId: 'ada', country: 'US' },
    { name: 'code.sent', caller, userId: 'ada', country: 'US' },
    { name: 'code.right', caller, userId: 'ada', country: 'US' },
    { name: 'limit.reached', caller, budget: 'texts.hour' },
    { name: 'country.stopped', caller: null, country: 'GB', texts: 500, verified: 3, until: new Date() }
  ]
  for (const event of events) record(event)
  t.same(passedOn, events)
  metrics.answered({ method: 'POST', route: '/login', status: 200, seconds: 0.03 })

  const server = metricsServer(metrics)
  t.teardown(() => server.close())
  const { statusCode, headers, body } = await server.inject('/metrics')
  t.equal(statusCode, 200)
  t.match(headers['content-type'], /^text\/plain; version=/)
  for (const line of [
    'sms_login_events_total{event="code.sent",country="US",budget=""} 2',
    'sms_login_events_total{event="code.right",country="US",budget=""} 1',
    'sms_login_events_total{event="limit.reached",country="",budget="texts.hour"} 1',
    'sms_login_events_total{event="country.stopped",country="GB",budget=""} 1',
    'sms_login_http_request_duration_seconds_bucket{le="0.05",method="POST",route="/login",status="200"} 1'
  ]) t.ok(body.split('\n').includes(line), line)
  t.match(body, /^process_resident_memory_bytes \d+/m)
  t.notMatch(body, /ada|198\.51/)
})

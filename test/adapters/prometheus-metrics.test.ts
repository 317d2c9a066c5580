import pino from 'pino'
import t from 'tap'
import { createPrometheusMetrics } from '../../src/adapters/logs/prometheus-metrics.ts'
import { requestLimit } from '../../src/domain/request-context.ts'
import type { Event } from '../../src/domain/events.ts'
import { createMetricsServer } from '../../src/http/connections/metrics-server.ts'

t.test('metrics count events and time responses without identifying a user', async t => {
  const metrics = createPrometheusMetrics()
  const forwarded: Event[] = []
  const { record } = metrics.counting({
    record: event => {
      forwarded.push(event)
    }
  })
  const context = {
    address: '198.51.100.7',
    network: '198.51.100.7',
    widerNetworks: [],
    requestId: 'one',
    userId: null,
    languages: [],
    requestLimit: requestLimit([])
  }
  const events: Event[] = [
    { name: 'code.sent', context, userId: 'user-1815', country: 'US' },
    { name: 'code.sent', context, userId: 'user-1815', country: 'US' },
    { name: 'code.accepted', context, userId: 'user-1815', country: 'US' },
    { name: 'rate_limit.exceeded', context, limit: 'sms.hour', variable: 'LIMIT_TEXTS_PER_HOUR' },
    {
      name: 'sms.country_paused',
      context: null,
      country: 'GB',
      messages: 500,
      verified: 3,
      until: new Date()
    }
  ]
  for (const event of events) record(event)
  t.same(forwarded, events)
  metrics.recordResponse({ method: 'POST', route: '/login', status: 200, seconds: 0.03 })

  const server = createMetricsServer(metrics, pino({ level: 'silent' }))
  t.teardown(() => server.close())
  const { statusCode, headers, body } = await server.inject('/metrics')
  t.equal(statusCode, 200)
  t.match(headers['content-type'], /^text\/plain; version=/)
  for (const line of [
    'sms_login_events_total{event="code.sent",reason="",country="US",limit=""} 2',
    'sms_login_events_total{event="code.accepted",reason="",country="US",limit=""} 1',
    'sms_login_events_total{event="rate_limit.exceeded",reason="",country="",limit="sms.hour"} 1',
    'sms_login_events_total{event="sms.country_paused",reason="",country="GB",limit=""} 1',
    'sms_login_http_request_duration_seconds_bucket{le="0.05",method="POST",route="/login",status="200"} 1'
  ])
    t.ok(body.split('\n').includes(line), line)
  t.match(body, /^process_resident_memory_bytes \d+/m)
  t.notMatch(body, /user-1815|198\.51/)
})

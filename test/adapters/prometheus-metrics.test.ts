import pino from 'pino'
import t from 'tap'
import { createPrometheusMetrics } from '../../src/adapters/logs/prometheus-metrics.ts'
import { requestLimit } from '../../src/domain/request-context.ts'
import type { LockoutKind } from '../../src/domain/codes/purpose.ts'
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
    { name: 'code.sent', context, userId: 'user-1815', country: 'US', purpose: 'login' },
    { name: 'code.sent', context, userId: 'user-1815', country: 'US', purpose: 'login' },
    { name: 'code.accepted', context, userId: 'user-1815', country: 'US', purpose: 'login' },
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

t.test('metrics say how many messages a verified login of a country takes', async t => {
  const metrics = createPrometheusMetrics()
  const { record } = metrics.counting({ record: () => {} })
  const count = (
    name: 'code.sent' | 'code.accepted',
    country: string,
    ...purposes: LockoutKind[]
  ) => {
    for (const purpose of purposes)
      record({ name, context: null, userId: 'user-1815', country, purpose })
  }
  count('code.sent', 'US', 'login', 'login', 'login', 'confirmation', 'phone-change')
  count('code.accepted', 'US', 'login', 'login', 'confirmation')
  count('code.sent', 'GB', 'login', 'login', 'login')
  count('code.accepted', 'GB', 'login')
  count('code.sent', 'FR', 'login')
  count('code.accepted', 'DE', 'confirmation')
  const lines = (await metrics.text()).split('\n')
  for (const line of [
    'sms_login_messages_total{country="US",purpose="login"} 3',
    'sms_login_messages_total{country="US",purpose="confirmation"} 1',
    'sms_login_messages_total{country="US",purpose="phone-change"} 1',
    'sms_login_verified_total{country="US",purpose="login"} 2',
    'sms_login_verified_total{country="US",purpose="confirmation"} 1',
    'sms_login_messages_per_verified_login{country="US"} 1.5',
    'sms_login_messages_per_verified_login{country="GB"} 3'
  ])
    t.ok(lines.includes(line), line)
  t.equal(lines.filter(line => line.startsWith('sms_login_messages_per_verified_login{')).length, 2)
})

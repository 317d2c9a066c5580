import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { createPasswords } from '../src/adapters/secrets/passwords.ts'
import { createUserDirectory } from '../src/adapters/stores/user-directory.ts'
import { openDatabase } from '../src/adapters/postgres/database.ts'
import manifest from '../package.json' with { type: 'json' }
import { needsServer, createTestDatabase, unpackDatabase } from './support/database.ts'
import { startDatabaseProxy } from './support/database-proxy.ts'
import { root, readText } from './support/documents.ts'
import { needsPromtool, promtool, promtoolReading } from './support/promtool.ts'
import { metricsOf, namesIn, readMetrics } from './support/read-metrics.ts'
import { ada, differentCode } from './support/start-app.ts'
import { production, startServer } from './support/start-process.ts'
import { reject, startTwilioStandIn } from './support/twilio-stand-in.ts'

// The default cost, so that no login replaces the hash.
const hashing = { memoryKib: 19_456, time: 2, concurrency: 1, queue: 1 }

/** Starts a service that serves metrics. Ada is its only user. */
async function startWithMetrics(
  t: Test,
  { databaseUrl, env }: { databaseUrl?: string; env?: Record<string, string> } = {}
) {
  const folder = t.testdir()
  const file = join(folder, 'data/pglite')
  if (databaseUrl === undefined) await unpackDatabase(file)
  const { prisma, close } = await openDatabase(databaseUrl ?? `pglite:${file}`)
  const passwordDigest = await createPasswords(hashing).hash(ada.password)
  const { username, phone } = ada
  await createUserDirectory(prisma).add({ username, phone, passwordDigest })
  await close()
  const twilio = await startTwilioStandIn(t)
  const server = await startServer(t, {
    folder,
    env: {
      ...production(databaseUrl ?? 'pglite:data/pglite', twilio.baseUrl),
      METRICS_PORT: '0',
      RESEND_COOLDOWN: '0',
      ...env
    }
  })
  const [, url = ''] = await server.prints(/Metrics at (http:[^"]+)"/)
  const scrape = async () => {
    const response = await fetch(url)
    t.equal(response.status, 200)
    return readMetrics(await response.text())
  }
  return { ...server, twilio, scrape }
}

t.test('metrics of a service without requests', async t => {
  const { scrape } = await startWithMetrics(t)
  const { text, valueOf, seriesOf } = await scrape()

  t.test('every event of the documentation starts at zero', async t => {
    const [, table = ''] = /^## Events\n([^]*?)^SIEM/m.exec(readText('docs/operations.md')) ?? []
    const names = [...table.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) =>
      cell.split(', ').map(name => name.replaceAll('`', ''))
    )
    t.ok(names.length > 40)
    const events = seriesOf('sms_login_events_total')
    for (const name of names.filter(name => name !== 'event'))
      t.ok(
        events.some(({ labels, value }) => labels['event'] === name && value === 0),
        name
      )
    for (const [event, reason] of [
      ['password.rejected', 'unknown-user'],
      ['code.undelivered', 'filtered'],
      ['sms.service_refused', 'fraud'],
      ['request.refused', 'busy'],
      ['account.locked', 'phone-change'],
      ['sms.failed', 'landline'],
      ['database.failed', 'read-only']
    ] as const)
      t.equal(valueOf('sms_login_events_total', { event, reason }), 0, `${event} ${reason}`)
  })

  t.test('the build, the queue and the state of the database are reported', async t => {
    t.equal(
      valueOf('sms_login_build_info', {
        version: manifest.version,
        node_version: process.versions.node
      }),
      1
    )
    t.equal(valueOf('sms_login_database_up'), 1)
    t.equal(valueOf('sms_login_locked_users'), 0)
    t.equal(valueOf('sms_login_password_hashes_running'), 0)
    t.equal(valueOf('sms_login_password_hashes_waiting'), 0)
    t.ok(Number(valueOf('sms_login_password_hashes_waiting_limit')) > 0)
    t.equal(valueOf('sms_login_password_hashes_refused_total'), 0)
    t.equal(valueOf('sms_login_sms_send_duration_seconds_count', { result: 'unknown' }), 0)
  })

  t.test('promtool reports no problem', { skip: needsPromtool }, async t => {
    // prom-client defines the names of all other metrics.
    const own = text.split('\n').filter(line => /^(# \w+ )?sms_login_/.test(line))
    t.match(promtoolReading(`${own.join('\n')}\n`, 'check', 'metrics'), {
      status: 0,
      stdout: '',
      stderr: ''
    })
  })
})

t.test('the alert rules and the dashboard', async t => {
  const { text } = await (await startWithMetrics(t)).scrape()
  const { groups }: { groups: { rules: { alert: string; expr: string }[] }[] } = parse(
    readText('deploy/prometheus-alerts.yml')
  )
  const { panels }: { panels: { targets?: { expr: string }[] }[] } = JSON.parse(
    readText('deploy/grafana-dashboard.json')
  )
  const rules = groups.flatMap(({ rules }) => rules)
  const targets = panels.flatMap(({ targets = [] }) => targets)
  const expressions = [...rules, ...targets].map(({ expr }) => expr)

  t.test('they use only metrics and events that the service exposes', async t => {
    t.ok(rules.length >= 8)
    t.ok(targets.length >= 20)
    const exposed = namesIn(text)
    for (const expression of expressions) {
      const names = metricsOf(expression)
      t.ok(names.length > 0, expression)
      for (const name of names) t.ok(exposed.has(name), `${name} in ${expression}`)
      for (const [, label = '', values = ''] of expression.matchAll(
        /\b(event|reason|result)=~?"([^"]+)"/g
      ))
        for (const value of values.split('|'))
          t.match(text, new RegExp(`\\b${label}="${value.replace('.', '\\.')}"`), expression)
    }
  })

  t.test('the documentation says what to do for each alert', async t => {
    for (const { alert } of rules) t.match(readText('docs/operations.md'), `| \`${alert}\` |`)
  })

  t.test('promtool accepts the expressions', { skip: needsPromtool }, async t => {
    const file = join(t.testdir(), 'dashboard.json')
    // Prometheus reads JSON as YAML. Grafana replaces its own variables before it asks Prometheus.
    const records = targets.map(({ expr }, index) => ({
      record: `panel:${index}`,
      expr: expr.replaceAll('$__rate_interval', '1m')
    }))
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: records }] }))
    for (const path of [file, join(root, 'deploy/prometheus-alerts.yml')])
      t.match(promtool('check', 'rules', path), { status: 0, stderr: '' })
  })

  t.test(
    'each alert fires, and none does in normal operation',
    { skip: needsPromtool },
    async t => {
      const { status, stdout, stderr } = promtool('test', 'rules', 'test/fixtures/alerts.yml')
      t.equal(status, 0, stdout + stderr)
      const tested = [...readText('test/fixtures/alerts.yml').matchAll(/alertname: (\w+)/g)]
      for (const { alert } of rules)
        t.equal(tested.filter(([, name]) => name === alert).length, 2, alert)
    }
  )
})

t.test('metrics of a service in use count events without identifying a user', async t => {
  const { login, verify, twilio, scrape } = await startWithMetrics(t, {
    env: { LIMIT_CODE_FAILURES: '1' }
  })
  const { username, password } = ada
  await login(username, 'wrong horse battery')
  await login('mallory', password)
  twilio.failNext(reject(401, 20003))
  await login(username, password)
  const { challengeToken } = (await login(username, password)).body
  const code = twilio.lastCode()
  t.equal((await verify(challengeToken, differentCode(code))).status, 401)
  const { series, valueOf } = await scrape()

  const counted = (event: string, labels: Record<string, string> = {}) =>
    valueOf('sms_login_events_total', { event, ...labels })
  t.equal(counted('password.rejected', { reason: 'wrong-password' }), 1)
  t.equal(counted('password.rejected', { reason: 'unknown-user' }), 1)
  t.equal(counted('password.accepted'), 2)
  t.equal(counted('sms.failed', { reason: 'credentials', country: 'US' }), 1)
  t.equal(counted('code.send_failed', { reason: 'rejected', country: 'US' }), 1)
  t.equal(counted('request.refused', { reason: 'sms-unavailable' }), 1)
  t.equal(counted('code.sent', { country: 'US' }), 1)
  t.equal(counted('sms.recovered'), 1)
  t.equal(counted('code.rejected', { reason: 'wrong' }), 1)
  t.equal(counted('account.locked', { reason: 'login' }), 1)
  t.equal(valueOf('sms_login_locked_users'), 1)
  for (const result of ['accepted', 'rejected'])
    t.equal(valueOf('sms_login_sms_send_duration_seconds_count', { result }), 1, result)
  t.equal(valueOf('sms_login_password_hash_duration_seconds_count'), 4)
  t.equal(valueOf('sms_login_password_hash_wait_seconds_count'), 4)
  const responses = { method: 'POST', route: '/login', status: '401' }
  t.equal(valueOf('sms_login_http_request_duration_seconds_count', responses), 2)

  for (const { labels } of series)
    for (const value of Object.values(labels))
      t.notMatch(value, /^(ada|mallory)$|2025550143|127\.0\.0\.1|[\da-f]{8}-/, value)
})

t.test('a full hash queue is counted', async t => {
  const { login, scrape } = await startWithMetrics(t, {
    env: { ARGON2_CONCURRENCY: '1', ARGON2_QUEUE: '0', ARGON2_TIME: '20' }
  })
  const attempts = await Promise.all(
    Array.from({ length: 8 }, async () => login('mallory', ada.password))
  )
  const refused = attempts.filter(({ status }) => status === 503).length
  t.ok(refused > 0)
  const { valueOf } = await scrape()
  t.equal(valueOf('sms_login_password_hashes_refused_total'), refused)
  t.equal(valueOf('sms_login_password_hashes_waiting_limit'), 0)
})

t.test(
  'metrics are served during a database outage and show its end',
  { skip: needsServer },
  async t => {
    const database = await createTestDatabase(t)
    const proxy = await startDatabaseProxy(t, database.url ?? '')
    const { login, scrape } = await startWithMetrics(t, { databaseUrl: proxy.url })
    await database.prisma.countryTraffic.createMany({
      data: [
        { country: 'GB', pausedUntil: new Date(Date.now() + 600_000) },
        { country: 'FR', pausedUntil: new Date(Date.now() - 600_000) },
        { country: 'DE', pausedUntil: null }
      ].map(row => ({ ...row, messages: 0, verified: 0, resetsAt: new Date() }))
    })

    await proxy.refuse()
    t.equal((await login(ada.username, ada.password)).status, 503)
    const down = await scrape()
    t.equal(down.valueOf('sms_login_database_up'), 0)
    t.equal(down.valueOf('sms_login_locked_users'), undefined)
    const failed = down
      .seriesOf('sms_login_events_total')
      .filter(({ labels, value }) => labels['event'] === 'database.failed' && value > 0)
    t.match(failed, [{ labels: { reason: 'unreachable' }, value: 1 }])

    await proxy.accept()
    let up = await scrape()
    while (up.valueOf('sms_login_database_up') !== 1) {
      await setTimeout(100)
      up = await scrape()
    }
    t.equal(up.valueOf('sms_login_locked_users'), 0)
    t.match(up.seriesOf('sms_login_country_paused'), [{ labels: { country: 'GB' }, value: 1 }])
    t.equal(up.seriesOf('sms_login_country_paused').length, 1)
    t.equal(up.valueOf('sms_login_database_connections_limit'), 10)
    t.equal(up.valueOf('sms_login_database_statements_waiting'), 0)
    t.ok(Number(up.valueOf('sms_login_database_connections', { state: 'idle' })) > 0)
    t.type(up.valueOf('sms_login_database_connections', { state: 'in_use' }), 'number')
  }
)

import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createDatabaseRecovery } from '../../src/adapters/postgres/database-recovery.ts'
import type { Event } from '../../src/domain/events.ts'
import { startDatabaseProxy } from '../support/database-proxy.ts'
import { needsServer, createTestDatabase } from '../support/database.ts'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { startApp } from '../support/start-app.ts'
import { acceptThenFail, reject } from '../support/twilio-stand-in.ts'

type Service = Awaited<ReturnType<typeof startApp>>
const eventsNamed = ({ logged }: Pick<Service, 'logged'>, name: string) =>
  logged.map(line => JSON.parse(line)).filter(({ event }) => event === name)

t.test('the recovery of Twilio is logged once per outage', async t => {
  const service = await startApp(t, { policy: { resendCooldown: 0 } })
  const { login, twilio } = service
  await login()
  for (const failures of [3, 1]) {
    for (let n = 0; n < failures; n++) {
      twilio.failNext(n === 0 ? reject(429, 20429) : acceptThenFail(500))
      await login()
    }
    for (let n = 0; n < 3; n++) await login()
    const recovered = eventsNamed(service, 'sms.recovered')
    t.match(recovered, [{ failures, seconds: Number, level: 30 }])
    service.logged.length = 0
  }
  // Twilio works, but this number cannot receive messages.
  twilio.failNext(reject(400, 21610))
  await login()
  await service.prisma.rateLimit.deleteMany()
  await login()
  t.same(eventsNamed(service, 'sms.recovered'), [])
})

t.test('the recovery of the database is logged once per outage', async t => {
  const database = await createTestDatabase(t)
  const recorded: Event[] = []
  let isReachable = true
  let checks = 0
  const engine = {
    ...database.engine,
    async query(sql: string) {
      checks++
      if (!isReachable) throw new Error('Connection terminated unexpectedly')
      return database.engine.query(sql)
    }
  }
  const events = { record: (event: Event) => void recorded.push(event) }
  const recovery = createDatabaseRecovery({ ...database, engine }, events, 1)
  t.teardown(recovery.stop)
  await sleep(20)
  t.equal(checks, 0, 'without an outage the database is not checked')
  for (let outage = 1; outage <= 2; outage++) {
    isReachable = false
    for (let n = 0; n < 3; n++) recovery.failed('unreachable')
    const before = checks
    while (checks < before + 3) await sleep(1)
    t.equal(recorded.length, outage - 1)
    isReachable = true
    while (recorded.length < outage) await sleep(1)
    await sleep(20)
    t.match(recorded.slice(outage - 1), [{ name: 'database.recovered', failures: 3 }])
  }
})

t.test(
  'the recovery of a database server is logged once per outage, without a request',
  { skip: needsServer },
  async t => {
    const { url } = await createTestDatabase(t)
    const proxy = await startDatabaseProxy(t, url ?? '')
    const database = { ...(await openDatabase(proxy.url)), url: proxy.url }
    t.teardown(database.close)
    const service = await startApp(t, { database })
    const { login } = service
    for (let outage = 1; outage <= 2; outage++) {
      await proxy.refuse()
      for (let n = 0; n < 3; n++) t.equal((await login()).statusCode, 503)
      t.equal(eventsNamed(service, 'database.recovered').length, outage - 1)
      await proxy.accept()
      while (eventsNamed(service, 'database.recovered').length < outage) await sleep(20)
      for (let n = 0; n < 3; n++) await login()
      await sleep(50)
      t.match(eventsNamed(service, 'database.recovered').slice(outage - 1), [{ failures: 3 }])
    }
  }
)

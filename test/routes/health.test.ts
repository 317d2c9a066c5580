import t from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { migrate } from '../../src/adapters/postgres/migrations.ts'
import { createEmptyDatabase, needsServer, createTestDatabase } from '../support/database.ts'
import { holdChallengesLock } from '../support/hold-lock.ts'
import { startBehindProxy } from '../support/start-behind-proxy.ts'
import { slugOf, startApp } from '../support/start-app.ts'
import { startStatementCounter } from '../support/statement-counter.ts'

t.test('a service with a migrated database is alive and ready', async t => {
  const { app } = await startApp(t)
  for (const url of ['/livez', '/readyz']) {
    const response = await app.inject(url)
    t.equal(response.statusCode, 200)
    t.same(response.json(), { status: 'ok' })
    t.equal(response.headers['cache-control'], 'no-store')
  }
})

t.test('a service without its database is alive but not ready', async t => {
  // Nothing listens on port 1.
  const nowhere = await openDatabase('postgresql://postgres@127.0.0.1:1/none')
  t.teardown(nowhere.close)
  const { app } = await startApp(t, {
    database: { ...nowhere, url: undefined },
    withoutUsers: true
  })
  t.equal((await app.inject('/livez')).statusCode, 200)
  const response = await app.inject('/readyz')
  t.equal(response.statusCode, 503)
  t.equal(slugOf(response), 'not-ready')
})

t.test('a service whose database lacks migrations is not ready until it is migrated', async t => {
  const database = await createEmptyDatabase(t)
  const { app, wait } = await startApp(t, { database, withoutUsers: true })
  t.equal((await app.inject('/livez')).statusCode, 200)
  const response = await app.inject('/readyz')
  t.equal(response.statusCode, 503)
  t.equal(slugOf(response), 'not-ready')
  await migrate(database.engine)
  wait(1)
  t.equal((await app.inject('/readyz')).statusCode, 200)
})

t.test(
  'concurrent /readyz requests share one check, which is cached for a second',
  { skip: needsServer },
  async t => {
    const { url = '' } = await createTestDatabase(t)
    const counter = await startStatementCounter(t, url)
    const counted = { ...(await openDatabase(counter.url)), url: counter.url }
    t.teardown(counted.close)
    const { app, wait } = await startApp(t, { database: counted, withoutUsers: true })
    const probe = async () => (await app.inject('/readyz')).statusCode
    await probe()
    wait(1)
    counter.take()
    const burst = await Promise.all(Array.from({ length: 1024 }, probe))
    t.same([...new Set(burst)], [200])
    t.equal(counter.take(), 3)
    await probe()
    t.equal(counter.take(), 0)
    wait(1)
    await probe()
    t.equal(counter.take(), 3)
    wait(-3600)
    await probe()
    t.equal(counter.take(), 3, 'even after the clock was set back')
  }
)

t.test(
  '/readyz stays 200 while this process uses all its connections',
  { skip: needsServer },
  async t => {
    const { app, loginAndReadCode, server, verify, wait } = await startBehindProxy(t, {
      pool: { poolSize: 2, connectionTimeout: 1000 }
    })
    const { challengeToken, code } = await loginAndReadCode()
    const slow = await holdChallengesLock(server, async waiting => {
      const taken = [verify(challengeToken, code), verify(challengeToken, code)]
      await waiting(2)
      wait(1)
      t.equal((await app.inject('/readyz')).statusCode, 200)
      return taken
    })
    await Promise.all(slow)
  }
)

t.test(
  '/readyz is 503 once all connections hang, and 200 when they respond again',
  { skip: needsServer },
  async t => {
    const { app, login, proxy, wait } = await startBehindProxy(t, {
      pool: { poolSize: 2, connectionTimeout: 60_000, statementTimeout: 60_000 },
      readiness: { deadlineMs: 200, silenceMs: 1000 }
    })
    const probe = async () => {
      wait(1)
      return (await app.inject('/readyz')).statusCode
    }
    t.equal(await probe(), 200)
    proxy.stall()
    const hanging = Array.from({ length: 4 }, () => login())
    let statuses: number[] = []
    while (statuses.at(-1) !== 503) statuses.push(await probe())
    t.equal(await probe(), 503)
    proxy.resume()
    await Promise.all(hanging)
    statuses = []
    while (statuses.at(-1) !== 200) statuses.push(await probe())
  }
)

t.test('/readyz stays 200 while load leaves it no connection', { skip: needsServer }, async t => {
  const { app, prisma, wait } = await startBehindProxy(t, {
    pool: { poolSize: 1, connectionTimeout: 60_000 },
    readiness: { deadlineMs: 100, silenceMs: 3000 }
  })
  let working = true
  const load = Promise.all(
    Array.from({ length: 25 }, () => prisma.$queryRaw`SELECT pg_sleep(0.2)::text`)
  ).finally(() => {
    working = false
  })
  const statuses = new Set<number>()
  while (working) {
    wait(1)
    statuses.add((await app.inject('/readyz')).statusCode)
  }
  await load
  t.same([...statuses], [200])
})

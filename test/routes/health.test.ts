import t from 'tap'
import { openDatabase } from '../../src/adapters/database.ts'
import { migrate } from '../../src/adapters/migrations.ts'
import { emptyDatabase } from '../support/database.ts'
import { slugOf, start } from '../support/start.ts'

t.test('a service with a migrated database is up and ready', async t => {
  const { app } = await start(t)
  for (const url of ['/livez', '/readyz']) {
    const answer = await app.inject(url)
    t.equal(answer.statusCode, 200)
    t.same(answer.json(), { status: 'ok' })
    t.equal(answer.headers['cache-control'], 'no-store')
  }
})

t.test('a service whose database is gone is up but not ready', async t => {
  // Port 1: nobody listens there.
  const nowhere = await openDatabase('postgresql://postgres@127.0.0.1:1/none')
  t.teardown(nowhere.close)
  const { app } = await start(t, { database: { ...nowhere, url: undefined }, withoutUsers: true })
  t.equal((await app.inject('/livez')).statusCode, 200)
  const answer = await app.inject('/readyz')
  t.equal(answer.statusCode, 503)
  t.equal(slugOf(answer), 'not-ready')
})

t.test('a service whose database lacks migrations is up but not ready, until it is migrated', async t => {
  const database = await emptyDatabase(t)
  const { app } = await start(t, { database, withoutUsers: true })
  t.equal((await app.inject('/livez')).statusCode, 200)
  const answer = await app.inject('/readyz')
  t.equal(answer.statusCode, 503)
  t.equal(slugOf(answer), 'not-ready')
  await migrate(database.engine)
  t.equal((await app.inject('/readyz')).statusCode, 200)
})

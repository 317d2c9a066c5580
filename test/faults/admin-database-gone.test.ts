import t from 'tap'
import { needsServer, createTestDatabase } from '../support/database.ts'
import { startDatabaseProxy } from '../support/database-proxy.ts'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { startAdmin } from '../support/start-admin.ts'
import { ada, slugOf } from '../support/start-app.ts'

t.test(
  'an unreachable database gives 503 on every endpoint of the admin API until it is back',
  { skip: needsServer },
  async t => {
    const database = await createTestDatabase(t)
    const proxy = await startDatabaseProxy(t, database.url ?? '')
    const proxied = await openDatabase(proxy.url)
    t.teardown(proxied.close)
    const { admin, eventsNamed, idOf } = await startAdmin(t, {
      database: { ...proxied, url: proxy.url }
    })
    const path = `/users/${await idOf('ada')}`
    const requests = () =>
      [
        admin('GET', '/users'),
        admin('POST', '/users', { username: 'grace', password: 'a perfectly fine password' }),
        admin('GET', path),
        admin('PATCH', path, { password: ada.password, phone: '+12025550199' }),
        admin('DELETE', path),
        admin('POST', `${path}/unlock`),
        admin('GET', `${path}/sessions`),
        admin('DELETE', `${path}/sessions`),
        admin('DELETE', `${path}/factors`)
      ] as const
    await proxy.refuse()
    for (const response of await Promise.all(requests())) {
      t.equal(slugOf(response), 'database-unavailable')
      t.equal(response.headers['retry-after'], '5')
    }
    t.equal(slugOf(await admin('PATCH', path, {})), 'invalid-request')
    t.equal(slugOf(await admin('GET', '/users/x')), 'not-found')
    await proxy.accept()
    t.match((await admin('GET', path)).json(), { username: ada.username, phone: ada.phone })
    for (const name of ['user.created', 'user.updated', 'user.deleted', 'password.changed'])
      t.equal(eventsNamed(name).length, 0, name)
  }
)

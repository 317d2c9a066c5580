import t from 'tap'
import { databaseName } from '../../src/adapters/postgres/database-name.ts'

t.test('a database is named by host, port and name, never by user or password', async t => {
  const names = {
    'postgresql://app:canary@db.internal:5433/login': 'postgresql://db.internal:5433/login',
    'postgresql://app@db.internal/login?sslmode=verify-full&options=canary':
      'postgresql://db.internal/login',
    'postgres://app:can%40ary@[2001:db8::1]/login': 'postgresql://[2001:db8::1]/login',
    'postgresql://app@/login?host=/run/postgresql': 'postgresql:///run/postgresql/login',
    'pglite:/srv/login/data': 'pglite:/srv/login/data'
  }
  for (const [url, name] of Object.entries(names)) t.equal(databaseName(url), name)
})

t.test('no part of an ambiguous URL is shown', async t => {
  for (const url of [
    'postgresql://app:Tr0ub4dor@Zebra#9@127.0.0.1:5432/app',
    'postgresql://app:Tr0ub/Zebra@127.0.0.1:5432/app',
    'postgresql://app:Tr0ub?Zebra@127.0.0.1:5432/app'
  ])
    t.equal(databaseName(url), 'a PostgreSQL server')
})

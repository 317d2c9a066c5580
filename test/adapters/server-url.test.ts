import t from 'tap'
import { isUnencrypted, readServerUrl } from '../../src/adapters/postgres/server-url.ts'

t.test('a URL is read as libpq reads it', async t => {
  const cases: [url: string, expected: object][] = [
    [
      'postgresql://app:s3cret@db.internal:6432/login',
      { user: 'app', password: 's3cret', host: 'db.internal', port: 6432, database: 'login' }
    ],
    ['postgres://app@127.0.0.1', { user: 'app', password: undefined, port: 5432, database: 'app' }],
    [
      'postgresql://app%40corp:p%40ss%2Fw%3Fo%23r%3Ad%25@db/lo%20gin',
      { user: 'app@corp', password: 'p@ss/w?o#r:d%', host: 'db', database: 'lo gin' }
    ],
    ['postgresql://app:a:b+c@db/x', { user: 'app', password: 'a:b+c', host: 'db' }],
    ['postgresql://app:pässword@db/x', { password: 'pässword' }],
    ['postgresql://app@[2001:db8::1]:6432/x', { host: '2001:db8::1', port: 6432 }],
    ['postgresql://app@[fe80::1%25eth0]/x', { host: 'fe80::1%eth0' }],
    ['postgresql://app@/x?host=/run/postgresql', { host: '/run/postgresql', database: 'x' }],
    [
      'postgresql://app@localhost/x?host=/run/postgresql&port=6432',
      { host: '/run/postgresql', port: 6432 }
    ],
    ['postgresql://app@%2Frun%2Fpostgresql/x', { host: '/run/postgresql', tls: false }],
    ['postgresql:///x', { host: 'localhost', port: 5432, database: 'x' }],
    ['postgresql://db_1:5432', { host: 'db_1' }],
    [
      'postgresql://app@db/x?options=-c work_mem%3D7MB&application_name=login+a&connection_limit=3&pool_timeout=2&connect_timeout=1&schema=app',
      {
        options: '-c work_mem=7MB',
        applicationName: 'login a',
        connectionLimit: 3,
        poolTimeout: 2000,
        connectTimeout: 1000,
        schema: 'app'
      }
    ],
    ['postgresql://app@db/x?pgbouncer=true', { pgBouncer: true, preparedStatements: false }],
    [
      'postgresql://app@db/x?statement_cache_size=0',
      { pgBouncer: false, preparedStatements: false }
    ],
    ['postgresql://app@db/x', { pgBouncer: false, preparedStatements: true, schema: undefined }]
  ]
  for (const [url, expected] of cases) t.match(readServerUrl(url), expected, url)
})

t.test('an ambiguous URL is refused without repeating any part of it', async t => {
  for (const url of [
    'postgresql://app:Tr0ub4dor@Zebra#9@127.0.0.1:5432/app',
    'postgresql://app:Tr0ub4dor@Zebra@127.0.0.1:5432/app',
    'postgresql://app:Tr0ub4dor@Zebra/9@127.0.0.1:5432/app',
    'postgresql://app:Tr0ub4dor@Zebra?9@127.0.0.1:5432/app',
    'postgresql://app:Tr0ub4dor#Zebra@127.0.0.1/app',
    'postgresql://app:Tr0ub4dor/Zebra@127.0.0.1/app',
    'postgresql://app:12/Zebra@127.0.0.1/app',
    'postgresql://app:12?Zebra@127.0.0.1/app',
    'postgresql://app:12?Zebra=Tr0ub4dor@127.0.0.1/app',
    'postgresql://app:Tr0ub4dor?Zebra@127.0.0.1/app',
    'postgresql://app:Tr0ub4dor%Zebra@127.0.0.1/app',
    'postgresql://app:Tr0ub4dor%ff@Zebra/app',
    'postgresql://app:Tr0ub4dor%00@Zebra/app',
    'postgresql://app:Tr0ub4dor Zebra@127.0.0.1/app',
    'postgresql://app:Tr0ub4dor\tZebra@127.0.0.1/app',
    'postgresql://app@corp:Tr0ub4dor@Zebra/app',
    'postgresql://app:Tr0ub4dor[Zebra/app',
    'postgresql://app:Tr0ub4dor/Zebra',
    'postgresql://app@2001:db8::Zebra/app',
    'postgresql://app@[Zebra]/app',
    'postgresql://app@Zeb!ra/app',
    'postgresql://app@Zebra/app/Tr0ub4dor',
    'postgresql://app@Zebra/app#Tr0ub4dor'
  ])
    t.throws(
      () => readServerUrl(url),
      { message: /^must be a URL like (?!.*(Zebra|Tr0ub4dor|\n))/ },
      url
    )
})

t.test('several hosts are refused with a message of their own', async t => {
  for (const url of [
    'postgresql://app:Tr0ub4dor@db1:5432,db2:5432/app',
    'postgresql://app:Tr0ub4dor@db1,db2/app',
    'postgresql://app:Tr0ub4dor@[::1],[::2]:5432/app',
    'postgresql://app:Tr0ub4dor@/app?host=db1,db2'
  ])
    t.throws(() => readServerUrl(url), { message: /must name one host: (?!.*(Tr0ub4dor|\n))/ }, url)
})

t.test('an unsupported parameter or value is refused by name', async t => {
  for (const parameter of [
    'socket_timeout=3',
    'max_connection_lifetime=3',
    'sslaccept=strict',
    'ssl=true',
    'uselibpqcompat=true',
    'target_session_attrs=read-write',
    'channel_binding=require',
    'client_encoding=latin1',
    'user=other',
    'password=other',
    'dbname=other',
    'schemas=app',
    'Schema=app',
    '__proto__=x',
    'constructor=x',
    'connection_limit=0',
    'connection_limit=-1',
    'connection_limit=1e3',
    'connection_limit=',
    'pool_timeout=0',
    'connect_timeout=five',
    'pgbouncer=yes',
    'statement_cache_size=100',
    'sslmode=verify_full',
    'sslmode=allow',
    'sslmode=',
    'sslrootcert=/nowhere/ca.pem',
    'schema=',
    'schema=pg_catalog',
    `schema=${'x'.repeat(64)}`,
    'port=0',
    'application_name='
  ]) {
    const name = parameter.split('=')[0] ?? ''
    t.throws(
      () => readServerUrl(`postgresql://app:Tr0ub4dor@db/app?${parameter}`),
      { message: /^has a parameter (?!.*(Tr0ub4dor|\n))/ },
      parameter
    )
    if (!name.startsWith('__'))
      t.throws(
        () => readServerUrl(`postgresql://app@db/app?${parameter}`),
        { message: new RegExp(`^has a parameter ${name}[, ]`) },
        parameter
      )
  }
  t.throws(
    () => readServerUrl('postgresql://app@db/app?schema=a&schema=b'),
    /parameter schema twice/
  )
  t.throws(
    () => readServerUrl('postgresql://app@db/app?pgbouncer=true&options=-c%20work_mem%3D1MB'),
    /both options and pgbouncer/
  )
})

t.test(
  'TLS is used when a parameter requires it and verified unless it says no-verify',
  async t => {
    const tls = (query: string) => readServerUrl(`postgresql://app@db/app${query}`).tls
    t.equal(tls(''), false)
    t.equal(tls('?sslmode=disable'), false)
    for (const mode of ['prefer', 'require', 'verify-ca', 'verify-full'])
      t.same(tls(`?sslmode=${mode}`), { direct: false, rejectUnauthorized: true }, mode)
    t.same(tls('?sslmode=no-verify'), { direct: false, rejectUnauthorized: false })
    t.same(tls('?sslrootcert=system'), { direct: false, rejectUnauthorized: true })
    t.same(tls('?sslmode=require&sslnegotiation=direct'), {
      direct: true,
      rejectUnauthorized: true
    })
    const file = `${t.testdir({ 'ca.pem': 'a certificate' })}/ca.pem`
    t.match(tls(`?sslrootcert=${file}`), { ca: 'a certificate', rejectUnauthorized: true })
  }
)

t.test('only a remote server without TLS counts as unencrypted', async t => {
  for (const host of ['db.internal', '10.0.0.5', '[2001:db8::1]', '127.example'])
    t.equal(isUnencrypted(`postgresql://app@${host}/app`), true, host)
  for (const url of [
    'pglite:',
    'postgresql://app@localhost/app',
    'postgresql://app@127.0.0.1/app',
    'postgresql://app@127.8.0.1/app',
    'postgresql://app@[::1]/app',
    'postgresql:///app',
    'postgresql://app@/app?host=/run/postgresql',
    'postgresql://app@db/app?host=localhost',
    'postgresql://app@db/app?sslmode=verify-full'
  ])
    t.equal(isUnencrypted(url), false, url)
})

import { createServer, type AddressInfo } from 'node:net'
import t from 'tap'
import { classifyDatabaseError } from '../../src/adapters/postgres/classify-database-error.ts'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { serverUrl } from '../support/database.ts'

/** Why queries at this URL fail: through Prisma's query API, as raw SQL and in a transaction. */
async function outages(url: string) {
  const { prisma, close } = await openDatabase(url, { connectionTimeout: 1000 })
  const failure = (query: Promise<unknown>) =>
    query.then(
      () => undefined,
      error => classifyDatabaseError(error, url)
    )
  const found = [
    await failure(prisma.user.findFirst()),
    await failure(prisma.$executeRaw`UPDATE users SET username = ${'canary-value'}`),
    await failure(prisma.$transaction([prisma.user.findFirst(), prisma.user.deleteMany()]))
  ]
  await close()
  return found
}

const closedPort = 'postgresql://ada:s3cret@127.0.0.1:1/x'

t.test('every failure to connect is an outage with one line of advice and no password', async t => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  const closing = createServer(socket => socket.destroy()).listen(0, '127.0.0.1')
  const resetting = createServer(socket =>
    socket.once('data', () => socket.resetAndDestroy())
  ).listen(0, '127.0.0.1')
  // A server without TLS responds to SSLRequest with N.
  const withoutTls = createServer(socket => socket.once('data', () => socket.write('N'))).listen(
    0,
    '127.0.0.1'
  )
  const at = (server: typeof silent) =>
    closedPort.replace(':1/', `:${(server.address() as AddressInfo).port}/`)
  t.teardown(() => {
    for (const server of [silent, closing, resetting, withoutTls]) server.close()
  })
  await new Promise(resolve => withoutTls.once('listening', resolve))

  const cases: [url: string, reason: string, message: RegExp][] = [
    [closedPort, 'unreachable', /^can't reach the database at 127\.0\.0\.1:1: check/],
    [closedPort.replace('127.0.0.1:1', 'nowhere.invalid'), 'unreachable', /nowhere\.invalid.*DNS/],
    [
      'postgresql://ada:s3cret@/x?host=/nowhere',
      'unreachable',
      /^connect ENOENT \/nowhere\S+: check/
    ],
    [at(silent), 'unreachable', /^Connection terminated due to connection timeout: check/],
    [at(closing), 'disconnected', /^Connection terminated unexpectedly: .*log/],
    [at(resetting), 'disconnected', /^the connection to the database was lost: /],
    [
      `${at(withoutTls)}?sslmode=require`,
      'no-tls',
      /^The server does not support SSL connections: turn on ssl in postgresql\.conf, or /
    ],
    ...(serverUrl === undefined
      ? []
      : [
          [
            serverUrl.replace(/\/[^/]*$/, '/no_such_database'),
            'denied',
            /^database "no_such_database" does not exist: .*DATABASE_URL/
          ] as [string, string, RegExp]
        ])
  ]
  for (const [url, reason, message] of cases) {
    for (const outage of await outages(url)) {
      t.match(outage, { facts: { event: 'database.failed', reason }, message }, reason)
      t.notMatch(outage?.message, /s3cret|canary|\n/)
    }
  }
})

t.test('a host with two addresses that both refuse is unreachable', async t => {
  // Node throws this error, and Prisma passes it on, with a code but without a message.
  const refused = Object.assign(
    new Error('\nInvalid `prisma.user.findFirst()` invocation:\n\n\n'),
    { name: 'PrismaClientKnownRequestError', code: 'ECONNREFUSED' }
  )
  t.match(classifyDatabaseError(refused, closedPort), {
    facts: { reason: 'unreachable' },
    message: /^ECONNREFUSED: check/
  })
})

t.test('errors that do not come from the database are not outages', async t => {
  const missingFile = Object.assign(new Error('ENOENT: no such file'), {
    code: 'ENOENT',
    syscall: 'open'
  })
  const badUrl = Object.assign(new Error('Invalid URL'), {
    name: 'PrismaClientKnownRequestError',
    code: 'ERR_INVALID_URL'
  })
  for (const other of [
    missingFile,
    badUrl,
    new TypeError('x is not a function'),
    new Error('Connection of ideas'),
    undefined,
    null,
    'timeout exceeded when trying to connect',
    {}
  ]) {
    t.equal(classifyDatabaseError(other, closedPort), undefined)
  }
})

t.test('a transaction that exceeds its time is an outage', async t => {
  const expired = Object.assign(new Error('Transaction already closed'), {
    name: 'PrismaClientKnownRequestError',
    code: 'P2028'
  })
  t.match(classifyDatabaseError(expired, closedPort), { facts: { reason: 'timeout' } })
})

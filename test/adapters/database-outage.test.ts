import { createServer, type AddressInfo } from 'node:net'
import t from 'tap'
import { databaseOutage } from '../../src/adapters/database-outage.ts'
import { openDatabase } from '../../src/adapters/database.ts'
import { serverUrl } from '../support/database.ts'

/** Why a query fails there, asked through Prisma's query API, by hand and in a transaction. */
async function outages (url: string) {
  const { prisma, close } = await openDatabase(url, { connectionTimeout: 1000 })
  const failure = (query: Promise<unknown>) => query.then(() => undefined, error => databaseOutage(error, url))
  const found = [
    await failure(prisma.user.findFirst()),
    await failure(prisma.$executeRaw`UPDATE users SET username = ${'canary-value'}`),
    await failure(prisma.$transaction([prisma.user.findFirst(), prisma.user.deleteMany()]))
  ]
  await close()
  return found
}

const nobody = 'postgresql://ada:s3cret@127.0.0.1:1/x'

t.test('each way not to get a connection is an outage, with one line for the operator and no password in it', async t => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  const curt = createServer(socket => socket.destroy()).listen(0, '127.0.0.1')
  const abrupt = createServer(socket => socket.once('data', () => socket.resetAndDestroy())).listen(0, '127.0.0.1')
  const at = (server: typeof silent) => nobody.replace(':1/', `:${(server.address() as AddressInfo).port}/`)
  t.teardown(() => { for (const server of [silent, curt, abrupt]) server.close() })
  await new Promise(resolve => abrupt.once('listening', resolve))

  const cases: [url: string, reason: string, message: RegExp][] = [
    [nobody, 'unreachable', /^can't reach the database at 127\.0\.0\.1:1: check/],
    [nobody.replace('127.0.0.1:1', 'nowhere.invalid'), 'unreachable', /nowhere\.invalid.*DNS/],
    ['postgresql://ada:s3cret@/x?host=/nowhere', 'unreachable', /^connect ENOENT \/nowhere\S+: check/],
    [at(silent), 'unreachable', /^Connection terminated due to connection timeout: check/],
    [at(curt), 'disconnected', /^Connection terminated unexpectedly: .*log/],
    [at(abrupt), 'disconnected', /^the connection to the database broke: /],
    ...serverUrl === undefined ? [] : [[serverUrl.replace(/\/[^/]*$/, '/no_such_database'), 'denied', /^database "no_such_database" does not exist: .*DATABASE_URL/] as [string, string, RegExp]]
  ]
  for (const [url, reason, message] of cases) {
    for (const outage of await outages(url)) {
      t.match(outage, { facts: { event: 'database.failed', reason }, message }, reason)
      t.notMatch(outage?.message, /s3cret|canary|\n/)
    }
  }
})

t.test('a name with two addresses that both refuse is unreachable', async t => {
  // As Node throws it and Prisma hands it on: with a code, without a message.
  const refused = Object.assign(new Error('\nInvalid `prisma.user.findFirst()` invocation:\n\n\n'), { name: 'PrismaClientKnownRequestError', code: 'ECONNREFUSED' })
  t.match(databaseOutage(refused, nobody), { facts: { reason: 'unreachable' }, message: /^ECONNREFUSED: check/ })
})

t.test('what is not about the database is no outage', async t => {
  const missingFile = Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT', syscall: 'open' })
  const badUrl = Object.assign(new Error('Invalid URL'), { name: 'PrismaClientKnownRequestError', code: 'ERR_INVALID_URL' })
  for (const other of [missingFile, badUrl, new TypeError('x is not a function'), new Error('Connection of ideas'), undefined, null, 'timeout exceeded when trying to connect', {}]) {
    t.equal(databaseOutage(other, nobody), undefined)
  }
})

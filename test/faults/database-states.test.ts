import t from 'tap'
import { createTestDatabase } from '../support/database.ts'
import { differentCode, slugOf, startApp } from '../support/start-app.ts'

/** Errors that any statement may get. They are not faults of the service. */
const outages = [
  ['08006', 'disconnected'],
  ['08P01', 'pooler'],
  ['26000', 'pooler'],
  ['42P05', 'pooler'],
  ['25006', 'read-only'],
  ['28P01', 'denied'],
  ['3D000', 'denied'],
  ['40001', 'conflict'],
  ['40P01', 'conflict'],
  ['53100', 'exhausted'],
  ['53200', 'exhausted'],
  ['53300', 'connections'],
  ['55P03', 'timeout'],
  ['57014', 'timeout'],
  ['57P01', 'disconnected'],
  ['57P02', 'disconnected'],
  ['57P03', 'disconnected'],
  ['58030', 'exhausted']
] as const
/** Errors that mean a fault of the service, such as a missing table (42P01). */
const faults = [
  '0A000',
  '22P02',
  '23505',
  '23514',
  '42501',
  '42601',
  '42703',
  '42P01',
  '55000',
  'XX000'
]

t.test(
  'an outage of the database is a 503 with advice in the log, and any other error is a 500',
  async t => {
    const database = await createTestDatabase(t)
    const { loginAndReadCode, login, logged, prisma, resend, twilio, verify, wait } =
      await startApp(t, {
        database
      })
    const { challengeToken, code } = await loginAndReadCode()
    wait(31)
    const lines = () =>
      logged
        .splice(0)
        .map(line => JSON.parse(line))
        .filter(({ level }) => level >= 40)
    lines()

    for (const [state, reason] of [
      ...outages,
      ...faults.map(state => [state, undefined] as const)
    ]) {
      await failAs(state)
      // Challenges are stored with raw SQL and changed with Prisma's query API, which report errors
      // in different ways.
      const responses = [
        await login(),
        await resend(challengeToken),
        await verify(challengeToken, code)
      ]
      for (const response of responses) {
        t.equal(
          slugOf(response),
          reason === undefined ? 'internal-error' : 'database-unavailable',
          state
        )
        t.notMatch(response.body, /test failure|challenges/)
        t.equal(response.headers['retry-after'], reason === undefined ? undefined : '5')
      }
      const logLines = lines()
      t.equal(logLines.length, 3)
      if (reason !== undefined)
        t.match(
          logLines,
          Array(3).fill({
            level: 50,
            event: 'database.failed',
            reason,
            sqlState: state,
            msg: /^test failure: [^\n]+$/
          }),
          state
        )
      else t.notMatch(logLines, [{ event: 'database.failed' }], state)
    }

    await prisma.$executeRaw`DROP TRIGGER failing ON challenges`
    t.equal(twilio.messages.length, 1)
    t.equal((await verify(challengeToken, differentCode(code))).json().attemptsRemaining, 4)
    t.equal((await verify(challengeToken, code)).statusCode, 200)
    t.equal((await login()).json().sent, true)

    async function failAs(state: string) {
      await prisma.$executeRawUnsafe(
        `CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         RAISE EXCEPTION 'test failure' USING ERRCODE = '${state}';
         END $$`
      )
      await prisma.$executeRaw`
        CREATE OR REPLACE TRIGGER failing BEFORE INSERT OR UPDATE ON challenges
        FOR EACH STATEMENT EXECUTE FUNCTION fail()`
    }
  }
)

t.test('a missing table is an internal error', async t => {
  const database = await createTestDatabase(t)
  const { login, logged, me, accessToken, prisma } = await startApp(t, { database })
  const token = await accessToken()
  await prisma.$executeRaw`ALTER TABLE users RENAME TO gone`
  t.equal(slugOf(await login()), 'internal-error')
  t.equal(slugOf(await me(token)), 'internal-error')
  t.notOk(logged.some(line => line.includes('database.failed')))
  await prisma.$executeRaw`ALTER TABLE gone RENAME TO users`
  t.equal((await me(token)).statusCode, 200)
})

import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { needsServer, testDatabase } from '../support/database.ts'
import { codeIn, defaultLimits, differentCode, startApp } from '../support/start-app.ts'

const many = 50_000
const fill = [
  `INSERT INTO users (id, username, username_key, password_digest, phone) SELECT gen_random_uuid(), 'p' || i, 'p' || i, 'a digest', '+12025550143' FROM generate_series(1, ${many}) AS i`,
  `INSERT INTO challenges (user_id, purpose, id, code_hash, code_expires_at, resend_at, attempts_left, expires_at)
   SELECT id, 'login', substr(md5(id::text), 1, 22), '', now(), now(), 5, now() FROM users`,
  `INSERT INTO sessions (id, user_id, token_hash, created_at, last_used_at, idle_expires_at, expires_at)
   SELECT
     substr(md5(id::text), 1, 22), id, '', now(), now(),
     now() + interval '1 hour', now() + interval '1 day'
   FROM users`,
  `INSERT INTO rate_limits (key, count, resets_at) SELECT 'requests:' || i, 1, now() + interval '1 hour' FROM generate_series(1, ${many}) AS i`,
  'VACUUM ANALYZE'
]

t.test(
  'no request and no search scans a whole table, however many users there are',
  { skip: needsServer },
  async t => {
    const { prisma, url = '' } = await testDatabase(t)
    // Each has its own connections, because PostgreSQL counts what one has read when it closes.
    const filling = await openDatabase(url)
    for (const statement of fill) await filling.prisma.$executeRawUnsafe(statement)
    await filling.close()
    const database = { ...(await openDatabase(url)), url }
    const {
      confirm,
      endSession,
      login,
      logIn,
      logout,
      me,
      refresh,
      resend,
      sessions,
      twilio,
      users,
      verify,
      verifyConfirmation,
      wait
    } = await startApp(t, { database, limits: defaultLimits })
    const before = await scansOnce(({ inserted }) => inserted >= many)
    // More rounds than those in which PostgreSQL plans a named statement for its parameters.
    for (let round = 0; round < 3; round++) {
      await login({ username: 'ada', password: 'wrong horse battery' })
      await login()
      wait(31)
      const { challengeToken } = (await login()).json()
      wait(31)
      await resend(challengeToken)
      const code = codeIn(twilio.texts.at(-1)?.body)
      await verify(challengeToken, differentCode(code))
      const { accessToken, refreshToken } = (await verify(challengeToken, code)).json()
      t.equal((await me(accessToken)).statusCode, 200)
      await sessions(accessToken)
      await endSession(accessToken)
      const next = (await refresh(refreshToken)).json().refreshToken
      await refresh(refreshToken)
      const { confirmationToken } = (await confirm(accessToken)).json()
      t.equal(
        (
          await verifyConfirmation(
            accessToken,
            confirmationToken,
            codeIn(twilio.texts.at(-1)?.body)
          )
        ).statusCode,
        200
      )
      t.equal((await logout(next)).statusCode, 204)
      await users.page({ search: 'p12' }, 50)
      await users.page({}, 500, 'p3')
      await users.find({ username: 'p4' })
      wait(3600)
    }
    await logIn()
    await database.close()
    const after = await scansOnce(
      ({ indexed }, table) => indexed > (before.get(table)?.indexed ?? 0)
    )
    for (const [table, { whole, indexed }] of after) {
      t.equal(whole, before.get(table)?.whole, `${table} is never scanned`)
      t.ok(indexed > (before.get(table)?.indexed ?? 0), `${table} is read through an index`)
    }

    /**
     * The counts of the server, as soon as `isTrue` holds for every table. Waits for at most half a
     * minute, because servers up to version 14 count a connection's work some time after it closes.
     */
    async function scansOnce(isTrue: (scans: Scans, table: string) => boolean) {
      for (let attempt = 0; ; attempt++) {
        const scans = await scansOf(prisma)
        if (attempt === 300 || [...scans].every(([table, of]) => isTrue(of, table))) return scans
        await setTimeout(100)
      }
    }
  }
)

type Scans = { whole: bigint; indexed: bigint; inserted: bigint }

/** How often each of the large tables has been scanned, and how often read through an index. */
async function scansOf(prisma: Awaited<ReturnType<typeof testDatabase>>['prisma']) {
  const rows = await prisma.$queryRaw<({ table: string } & Scans)[]>`
    SELECT
      relname AS table, seq_scan AS whole, idx_scan AS indexed, n_tup_ins AS inserted
    FROM pg_stat_user_tables
    WHERE relname IN ('users', 'challenges', 'sessions', 'rate_limits')`
  return new Map(rows.map(({ table, ...scans }) => [table, scans]))
}

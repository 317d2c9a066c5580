import t from 'tap'
import { openDatabase } from '../../src/adapters/database.ts'
import { serverUrl, testDatabase } from '../support/database.ts'
import { codeIn, defaultLimits, otherThan, start } from '../support/start.ts'

const many = 50_000
const fill = [
  `INSERT INTO users (id, username, username_key, password_digest, phone) SELECT gen_random_uuid(), 'p' || i, 'p' || i, 'a digest', '+12025550143' FROM generate_series(1, ${many}) AS i`,
  `INSERT INTO challenges (user_id, purpose, id, code_hash, code_expires_at, resend_at, attempts_left, expires_at)
   SELECT id, 'login', substr(md5(id::text), 1, 22), '', now(), now(), 5, now() FROM users`,
  `INSERT INTO sessions (id, user_id, token_hash, created_at, last_used_at, idle_ends_at, ends_at)
   SELECT substr(md5(id::text), 1, 22), id, '', now(), now(), now() + interval '1 hour', now() + interval '1 day' FROM users`,
  `INSERT INTO counters (key, spent, ends_at) SELECT 'requests:' || i, 1, now() + interval '1 hour' FROM generate_series(1, ${many}) AS i`,
  'VACUUM ANALYZE'
]

if (serverUrl !== undefined) {
  t.test('no request reads through a table, however many people there are', async t => {
    const { prisma, url = '' } = await testDatabase(t)
    // Each with connections of its own, because PostgreSQL adds up what one has read at its end.
    const filling = await openDatabase(url)
    for (const statement of fill) await filling.prisma.$executeRawUnsafe(statement)
    await filling.close()
    const database = { ...await openDatabase(url), url }
    const { confirm, endSession, login, logIn, logout, me, refresh, resend, sessions, twilio, verify, verifyConfirmation, wait } = await start(t, { database, limits: defaultLimits })
    const before = await scansOf(prisma)
    // More often than PostgreSQL plans a named statement anew.
    for (let round = 0; round < 3; round++) {
      await login({ username: 'ada', password: 'wrong horse battery' })
      await login()
      wait(31)
      const { challengeToken } = (await login()).json()
      wait(31)
      await resend(challengeToken)
      const code = codeIn(twilio.texts.at(-1)?.body)
      await verify(challengeToken, otherThan(code))
      const { accessToken, refreshToken } = (await verify(challengeToken, code)).json()
      t.equal((await me(accessToken)).statusCode, 200)
      await sessions(accessToken)
      await endSession(accessToken)
      const next = (await refresh(refreshToken)).json().refreshToken
      await refresh(refreshToken)
      const { confirmationToken } = (await confirm(accessToken)).json()
      t.equal((await verifyConfirmation(accessToken, confirmationToken, codeIn(twilio.texts.at(-1)?.body))).statusCode, 200)
      t.equal((await logout(next)).statusCode, 204)
      wait(3600)
    }
    await logIn()
    await database.close()
    const after = await scansOf(prisma)
    for (const [table, { whole, indexed }] of after) {
      t.equal(whole, before.get(table)?.whole, `${table} is never read through`)
      t.ok(indexed > (before.get(table)?.indexed ?? 0), `${table} is read by an index`)
    }
  })
} else {
  t.pass('an embedded database does not add up what it reads')
}

/** How often each of the large tables was read through so far, and how often by an index. */
async function scansOf (prisma: Awaited<ReturnType<typeof testDatabase>>['prisma']) {
  const rows = await prisma.$queryRaw<{ table: string, whole: bigint, indexed: bigint }[]>`
    SELECT relname AS table, seq_scan AS whole, idx_scan AS indexed FROM pg_stat_user_tables WHERE relname IN ('users', 'challenges', 'sessions', 'counters')`
  return new Map(rows.map(({ table, ...scans }) => [table, scans]))
}

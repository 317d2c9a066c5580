import { setTimeout } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import t from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { needsServer, createTestDatabase } from '../support/database.ts'
import { createUserDirectory } from '../../src/adapters/stores/user-directory.ts'
import { ada, codeIn, defaultLimits, differentCode, startApp } from '../support/start-app.ts'

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
  'no request and no search scans a whole table, regardless of the number of users',
  { skip: needsServer },
  async t => {
    const { prisma, url = '' } = await createTestDatabase(t)
    // Each action uses new connections, because PostgreSQL counts reads when a connection closes.
    const filling = await openDatabase(url)
    for (const statement of fill) await filling.prisma.$executeRawUnsafe(statement)
    await filling.close()
    const database = { ...(await openDatabase(url)), url }
    const {
      accessToken,
      changeMe,
      changePassword,
      changePhone,
      confirm,
      deleteMe,
      endSession,
      login,
      logout,
      me,
      refresh,
      resend,
      sessions,
      twilio,
      users,
      verify,
      verifyConfirmation,
      verifyPhone,
      wait
    } = await startApp(t, { database, limits: defaultLimits })
    const before = await scansOnce(({ inserted }) => inserted >= many)
    // More rounds than PostgreSQL uses custom plans for a prepared statement.
    for (let round = 0; round < 3; round++) {
      await login({ username: 'ada', password: 'wrong horse battery' })
      await login()
      wait(31)
      const { challengeToken } = (await login()).json()
      wait(31)
      await resend(challengeToken)
      const code = codeIn(twilio.messages.at(-1)?.body)
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
            codeIn(twilio.messages.at(-1)?.body)
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
    const owner = { ...ada }
    for (let round = 0; round < 3; round++) {
      const token = await accessToken(owner)
      t.equal((await changeMe(token, { locale: 'de' })).statusCode, 200)
      const password = `battery number ${round}`
      t.equal((await changePassword(token, password, owner.password)).statusCode, 204)
      const phone = `+1202555010${round}`
      const { challengeToken } = (await changePhone(token, phone)).json()
      const changed = await verifyPhone(token, challengeToken, twilio.lastCode())
      t.equal(changed.statusCode, 204)
      Object.assign(owner, { password, phone })
      wait(3600)
    }
    const { sub: id = '' } = decodeJwt(await accessToken(owner))
    await users.sessions({ id }, new Date())
    await users.logOut({ id }, new Date())
    await users.unlock({ id })
    await users.change({ id }, { locale: 'en', claims: {} }, new Date())
    t.equal((await deleteMe(await accessToken(owner), owner.password)).statusCode, 204)
    await users.change({ username: 'p7' }, { phone: ada.phone, disabled: true }, new Date())
    await users.delete({ username: 'p7' })
    await database.close()
    const after = await scansOnce(
      ({ indexed }, table) => indexed > (before.get(table)?.indexed ?? 0)
    )
    for (const [table, { whole, indexed }] of after) {
      t.equal(whole, before.get(table)?.whole, `${table} is never scanned`)
      t.ok(indexed > (before.get(table)?.indexed ?? 0), `${table} is read through an index`)
    }

    /**
     * Returns the server's counts once `isTrue` holds for every table. Waits for at most half a
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

t.test(
  'every page of users, even of a search by phone, reads only its rows through an index',
  { skip: needsServer },
  async t => {
    const { prisma, url = '' } = await createTestDatabase(t)
    const filling = await openDatabase(url)
    // Different numbers, except that every hundredth user has the same one.
    await filling.prisma.$executeRaw`
      INSERT INTO users (id, username, username_key, password_digest, phone)
      SELECT
        gen_random_uuid(), 'p' || i, 'p' || i, 'a digest',
        '+1202' || 5000000 + CASE WHEN i % 100 = 0 THEN 0 ELSE i END
      FROM generate_series(1, ${many}) AS i`
    await filling.prisma.$executeRaw`VACUUM ANALYZE users`
    await filling.close()
    const limit = 50
    const [common, rare, unknown] = ['+12025000000', '+12025001234', '+14155550142']
    let before = await readsOnce(({ inserted }) => inserted >= many)
    for (const [filter, after, most] of [
      [{}, undefined, limit],
      [{}, 'p3', limit],
      [{ search: 'p12' }, undefined, limit],
      [{ search: 'p12' }, 'p121', limit],
      [{ username: 'p5' }, undefined, 1],
      [{ phone: rare }, undefined, 1],
      [{ phone: rare }, 'p3', 1],
      [{ phone: unknown }, undefined, 0],
      [{ phone: unknown, search: 'p1' }, 'p12', 0],
      [{ phone: rare, username: 'p1234' }, undefined, 1],
      [{ phone: common }, 'p3', many / 100]
    ] as const) {
      const paging = await openDatabase(url, { poolSize: 1 })
      const users = createUserDirectory(paging.prisma)
      // More rounds than PostgreSQL uses custom plans for a prepared statement.
      const rounds = 8
      for (let round = 0; round < rounds; round++) await users.page(filter, limit, after)
      await paging.close()
      const seen = before
      const now = await readsOnce(({ indexed }) => indexed >= seen.indexed + rounds)
      const page = JSON.stringify([filter, after])
      t.equal(now.whole, before.whole, `${page} scans no table`)
      t.ok(now.fetched - before.fetched <= rounds * (most + 1), `${page} fetches its own rows`)
      before = now
    }

    /** Returns the server's counts once `isTrue` holds. Waits for at most half a minute. */
    async function readsOnce(isTrue: (reads: Reads) => boolean) {
      for (let attempt = 0; ; attempt++) {
        const [reads] = await prisma.$queryRaw<Reads[]>`
          SELECT
            seq_scan::int AS whole,
            idx_scan::int AS indexed,
            idx_tup_fetch::int AS fetched,
            n_tup_ins::int AS inserted
          FROM pg_stat_user_tables
          WHERE relname = 'users'`
        if (reads === undefined) throw new Error('the table of users has no statistics')
        if (attempt === 300 || isTrue(reads)) return reads
        await setTimeout(100)
      }
    }
  }
)

type Reads = { whole: number; indexed: number; fetched: number; inserted: number }

type Scans = { whole: bigint; indexed: bigint; inserted: bigint }

/** Counts the scans of each large table, and its reads through an index. */
async function scansOf(prisma: Awaited<ReturnType<typeof createTestDatabase>>['prisma']) {
  const rows = await prisma.$queryRaw<({ table: string } & Scans)[]>`
    SELECT
      relname AS table, seq_scan AS whole, idx_scan AS indexed, n_tup_ins AS inserted
    FROM pg_stat_user_tables
    WHERE relname IN ('users', 'challenges', 'sessions', 'rate_limits')`
  return new Map(rows.map(({ table, ...scans }) => [table, scans]))
}

import t, { type Test } from 'tap'
import { openDatabase, type DatabaseOptions } from '../../src/adapters/postgres/database.ts'
import { migrate, pendingMigrations } from '../../src/adapters/postgres/migrations.ts'
import { createDatabaseWithRole } from '../support/database-role.ts'
import { needsServer, createTestDatabase } from '../support/database.ts'
import { production, startProcess as startProgram, startServer } from '../support/start-process.ts'
import { ada, defaultLimits, slugOf, startApp } from '../support/start-app.ts'

/** Settings that a role, a database or a URL may change, and the values that the service uses. */
const settings = [
  ['TimeZone', 'Asia/Kathmandu', 'UTC'],
  ['DateStyle', 'German', 'ISO, MDY'],
  ['client_encoding', 'LATIN1', 'UTF8'],
  ['standard_conforming_strings', 'off', 'on'],
  ['array_nulls', 'off', 'on'],
  ['default_transaction_isolation', 'serializable', 'read committed'],
  ['default_transaction_read_only', 'on', 'off'],
  ['synchronous_commit', 'off', 'on'],
  ['statement_timeout', '1ms', '10s'],
  ['lock_timeout', '1ms', '0'],
  ['idle_in_transaction_session_timeout', '1ms', '10s'],
  ['idle_session_timeout', '1ms', '0']
] as const

/** Checks both steps of a login, an expired code, a refresh and a rate limit. */
async function checkLogins(t: Test, url: string) {
  const database = { ...(await openDatabase(url)), url }
  t.teardown(database.close)
  const { loginAndReadCode, login, logIn, refresh, verify, wait } = await startApp(t, {
    database,
    limits: defaultLimits
  })
  const { refreshToken } = await logIn()
  t.equal((await refresh(refreshToken)).statusCode, 200)
  wait(31)
  const early = await loginAndReadCode()
  t.equal(early.code.length, 6)
  wait(59)
  t.equal((await verify(early.challengeToken, early.code)).statusCode, 200)
  t.equal((await login()).json().codeExpiresIn, 60)
  const late = await loginAndReadCode()
  wait(61)
  t.equal(slugOf(await verify(late.challengeToken, late.code)), 'code-expired')
  const guess = { ...ada, password: 'wrong' }
  for (let n = 0; n < defaultLimits.passwordFailures; n++)
    t.equal(slugOf(await login(guess)), 'invalid-credentials')
  t.equal(slugOf(await login(guess)), 'too-many-attempts')
}

async function checkSession(t: Test, url: string, options?: DatabaseOptions) {
  const { prisma, close } = await openDatabase(url, options)
  for (const [name, , expected] of settings)
    t.same(
      Object.values((await prisma.$queryRawUnsafe<object[]>(`SHOW ${name}`))[0] ?? {}),
      [expected],
      name
    )
  await close()
}

async function migrateAt(url: string) {
  const { engine, close } = await openDatabase(url)
  const applied = await migrate(engine)
  await close()
  return applied
}

t.test('settings', async t => {
  for (const [where, alter] of [
    ['the role', (role: string) => `ALTER ROLE ${role} SET`],
    ['the database', (_: string, database: string) => `ALTER DATABASE ${database} SET`]
  ] as const) {
    t.test(`settings of ${where} have no effect`, { skip: needsServer }, async t => {
      const { url, role, database, run } = await createDatabaseWithRole(t)
      for (const [name, hostile] of settings)
        await run(`${alter(role, database)} ${name} = '${hostile}'`)
      t.not((await migrateAt(url)).length, 0)
      await checkSession(t, url)
      await checkLogins(t, url)
    })
  }

  t.test(
    'conflicting settings in the options of the URL have no effect',
    { skip: needsServer },
    async t => {
      const { url } = await createDatabaseWithRole(t)
      const options = [...settings, ['work_mem', '7MB'] as const]
        .map(([name, hostile]) => `-c ${name}=${hostile}`)
        .join(' ')
      const withOptions = `${url}?options=${encodeURIComponent(options)}`
      await migrateAt(withOptions)
      await checkSession(t, withOptions)
      await checkLogins(t, withOptions)
      const { prisma, close } = await openDatabase(withOptions)
      t.same(await prisma.$queryRawUnsafe('SHOW work_mem'), [{ work_mem: '7MB' }])
      await close()
    }
  )

  t.test(
    'migrate and the server refuse to start with an unsupported setting and name it',
    { skip: needsServer },
    async t => {
      const { url, role, run } = await createDatabaseWithRole(t)
      await run(`ALTER ROLE ${role} SET session_replication_role = 'replica'`)
      const folder = t.testdir()
      for (const program of ['migrate', 'main'] as const) {
        const { ended } = startProgram(t, program, {
          folder,
          env: { ...production(url), PORT: '0' }
        })
        const { code, stderr } = await ended
        t.equal(code, 1)
        t.match(stderr, /^[^\n]*"session_replication_role"[^\n]*\n$/, program)
      }
    }
  )

  t.test(
    'in production the log warns of a remote database without TLS and hides its URL',
    { skip: needsServer },
    async t => {
      const { url } = await createDatabaseWithRole(t)
      await migrateAt(url)
      // A form of the loopback address that only the system's resolver recognizes.
      for (const [host, warned] of [
        ['2130706433', 1],
        ['127.0.0.1', 0]
      ] as const) {
        const remote = url.replace('127.0.0.1', host)
        const server = await startServer(t, { folder: t.testdir(), env: production(remote) })
        const warnings = server.printed().match(/.*sslmode=verify-full.*/g) ?? []
        t.equal(warnings.length, warned, host)
        t.notMatch(server.printed(), new URL(url).password)
      }
    }
  )

  t.test(
    'migrations refuse a database whose encoding lacks characters and name it',
    { skip: needsServer },
    async t => {
      const { database, run, url } = await createDatabaseWithRole(t)
      const latin = `${database}_latin1`
      await run(`CREATE DATABASE ${latin} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`)
      t.teardown(() => run(`DROP DATABASE ${latin} WITH (FORCE)`))
      await t.rejects(migrateAt(url.replace(database, latin)), /^server_encoding .* LATIN1/)
    }
  )
})

t.test('schemas', async t => {
  for (const [source, prepare, query] of [
    [
      'the search_path of the role',
      ['CREATE SCHEMA "App-1"', 'ALTER ROLE :role SET search_path = "App-1"'],
      ''
    ],
    ['?schema=', [], '?schema=App-1'],
    [
      '?options=',
      ['CREATE SCHEMA "App-1"'],
      `?options=${encodeURIComponent('-c search_path="App-1"')}`
    ]
  ] as const) {
    t.test(`a separate schema works through ${source}`, { skip: needsServer }, async t => {
      const { prisma, role, run, url } = await createDatabaseWithRole(t)
      for (const statement of prepare) await run(statement.replace(':role', role))
      if (prepare.length > 0) await run(`ALTER SCHEMA "App-1" OWNER TO ${role}`)
      const { ended } = startProgram(t, 'migrate', {
        folder: t.testdir(),
        env: { DATABASE_URL: `${url}${query}` }
      })
      t.match(await ended, { code: 0, stderr: /^Database: [^\n]*\n$/ })
      t.same(
        await prisma.$queryRaw`
          SELECT DISTINCT schemaname
          FROM pg_tables
          WHERE schemaname !~ '^(pg_|information_schema)'`,
        [{ schemaname: 'App-1' }]
      )
      await checkLogins(t, `${url}${query}`)
    })
  }

  t.test('two schemas of one database are two services', { skip: needsServer }, async t => {
    const { url } = await createDatabaseWithRole(t)
    const all = await migrateAt(url)
    const own = await openDatabase(`${url}?schema=app`)
    t.teardown(own.close)
    t.same(
      await pendingMigrations(own.engine),
      all,
      'the migrations recorded in public are ignored'
    )
    t.same(await migrateAt(`${url}?schema=app`), all)
    await checkLogins(t, url)
    await checkLogins(t, `${url}?schema=app`)
  })

  t.test(
    'migrate and the server refuse to start with a search_path without a schema',
    { skip: needsServer },
    async t => {
      const { url, role, run } = await createDatabaseWithRole(t)
      await run(`ALTER ROLE ${role} SET search_path = nowhere`)
      const folder = t.testdir()
      for (const program of ['migrate', 'main'] as const) {
        const { ended } = startProgram(t, program, {
          folder,
          env: { ...production(url), PORT: '0' }
        })
        t.match(
          await ended,
          { code: 1, stderr: /^[^\n]*search_path names no schema[^\n]*\n$/ },
          program
        )
      }
    }
  )
})

t.test('statements and connections', async t => {
  for (const state of ['40001', '40P01']) {
    t.test(
      `a statement that fails with ${state} is retried once`,
      { skip: needsServer },
      async t => {
        const database = await createTestDatabase(t)
        const { loginAndReadCode, logged, verify, twilio, prisma } = await startApp(t, { database })
        // A sequence, because only its value survives the rollback of the failed statement.
        await prisma.$executeRaw`CREATE SEQUENCE attempts`
        await prisma.$executeRawUnsafe(
          `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF nextval('attempts') % 2 = 1 THEN
             RAISE EXCEPTION 'no such luck' USING ERRCODE = '${state}';
           END IF;
           RETURN NULL;
         END $$`
        )
        await prisma.$executeRaw`
          CREATE TRIGGER failing AFTER INSERT OR UPDATE ON challenges
          FOR EACH STATEMENT EXECUTE FUNCTION fail()`
        const { challengeToken, code } = await loginAndReadCode()
        t.equal((await verify(challengeToken, code)).statusCode, 200)
        t.equal(twilio.messages.length, 1)
        t.notOk(logged.some(line => line.includes('database.failed')))
      }
    )
  }

  t.test(
    'a connection limit of 1 opens one connection for any number of requests',
    { skip: needsServer },
    async t => {
      const { url, prisma, role } = await createDatabaseWithRole(t)
      const limited = `${url}?connection_limit=1`
      await migrateAt(limited)
      const database = { ...(await openDatabase(limited)), url: limited }
      t.teardown(database.close)
      const { login } = await startApp(t, { database })
      await Promise.all(
        Array.from({ length: 20 }, () => login({ username: 'nobody', password: 'x' }))
      )
      t.same(
        await prisma.$queryRaw`SELECT count(*)::int FROM pg_stat_activity WHERE usename = ${role}`,
        [{ count: 1 }]
      )
    }
  )

  t.test('no command prints an ambiguous URL', { skip: needsServer }, async t => {
    const env = { DATABASE_URL: 'postgresql://app:Tr0ub4dor@Zebra#9@127.0.0.1:5432/app', PORT: '0' }
    for (const [program, ...args] of [['main'], ['migrate'], ['users', 'list']] as const) {
      const { ended } = startProgram(t, program, { folder: t.testdir(), env }, ...args)
      const { code, stdout, stderr } = await ended
      t.equal(code, 1)
      t.match(stderr, /^[^\n]*DATABASE_URL must be a URL[^\n]*\n$/, program)
      t.notMatch(stdout + stderr, /Zebra|Tr0ub4dor/)
    }
  })
})

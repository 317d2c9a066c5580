import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { createPasswords } from '../../src/adapters/secrets/passwords.ts'
import { createUserDirectory } from '../../src/adapters/stores/user-directory.ts'
import type { User } from '../../src/domain/users/user.ts'
import { unpackDatabase } from '../support/database.ts'
import { ada, differentCode } from '../support/start-app.ts'
import {
  printedCode,
  startProcess,
  startServer,
  startProgram,
  argumentsOf
} from '../support/start-process.ts'

// A server has the embedded database open, and the commands use it through the server.
const folder = t.testdir()
const env = {
  SMS_COUNTRIES: 'US,GB',
  RESEND_COOLDOWN: '0',
  LIMIT_TEXTS_PER_PHONE_HOUR: '0',
  LIMIT_TEXTS_PER_PHONE_DAY: '0'
}
// An existing database, because creating one takes seconds. main.test.ts tests a first start.
await unpackDatabase(join(folder, 'data/pglite'))
const server = await startServer(t, { folder, env })
await server.prints(/demo, password/)
const { prisma, close } = await openDatabase(`pglite:${join(folder, 'data/pglite')}`, {
  join: true,
  poolSize: 1
})
t.teardown(close)
const directory = createUserDirectory(prisma)

/** The line with which every successful command names its database. */
const databaseLineFor = (folder: string) => `Database: pglite:${join(folder, 'data/pglite')}\n`
const databaseLine = databaseLineFor(folder)

// Without events, which only one test reads.
const silent = { ...env, LOG_LEVEL: 'silent' }
const users = (args: string[], input = '') =>
  startProcess(t, 'users', { folder, env: silent, input }, ...args).ended

const { hash } = createPasswords({ memoryKib: 1024, time: 1, concurrency: 1, queue: 1 })
const passwordDigest = await hash(ada.password)

/** Adds Ada and removes her at the end of the test. */
async function addAda(t: Test) {
  removeAdaAfter(t)
  await directory.add({ username: ada.username, phone: ada.phone, passwordDigest })
}

function removeAdaAfter(t: Test) {
  t.teardown(async () => {
    await prisma.user.deleteMany({ where: { username: ada.username } })
    await prisma.rateLimit.deleteMany()
  })
}

/** Logs in with the password and reads the code that the server prints. */
async function loginAndReadCode(password = ada.password) {
  const {
    body: { challengeToken, destination }
  } = await server.login(ada.username, password)
  return { challengeToken, destination, code: printedCode(server.printed()) }
}
async function accessToken(): Promise<string> {
  const { challengeToken, code } = await loginAndReadCode()
  return (await server.verify(challengeToken, code)).body.accessToken
}

t.test('add', async t => {
  t.test('add reads the password from standard input and the user can log in at once', async t => {
    removeAdaAfter(t)
    t.same(await users(['add', ada.username, ada.phone], `${ada.password}\n`), {
      code: 0,
      stdout: 'Added ada, whose codes go to +1•••••••43.\n',
      stderr: databaseLine
    })
    t.match(await server.me(await accessToken()), {
      status: 200,
      body: { username: 'ada', phone: '+1•••••••43' }
    })
  })

  t.test('set-phone stores a number in canonical form however the operator writes it', async t => {
    await addAda(t)
    for (const phone of ['+44 (0)7400 123-456', '\u202a+44 7400 123456\u202c', '+4407400123456'])
      t.match(await users(['set-phone', 'ada', phone]), {
        code: 0,
        stdout: 'Codes for ada now go to +44•••••••56. All sessions have ended.\n'
      })
    t.match(await prisma.user.findFirst({ where: { username: 'ada' } }), { phone: '+447400123456' })
  })

  t.test('every stored password is argon2id at the cost that OWASP recommends', async t => {
    removeAdaAfter(t)
    t.match(await users(['add', 'ada', ada.phone], ada.password), { code: 0 })
    const stored = await prisma.user.findMany({ orderBy: { username: 'asc' } })
    t.same(
      stored.map(({ username }) => username),
      ['ada', 'demo'],
      'one added by a command and one by the first start'
    )
    // A salt of 16 bytes and a tag of 32, in base64 without padding.
    for (const { passwordDigest } of stored)
      t.match(
        passwordDigest,
        /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/
      )
  })
})

t.test('changes to a user', async t => {
  t.test('disable ends the login in progress and revokes the access tokens', async t => {
    await addAda(t)
    const token = await accessToken()
    const { challengeToken, code } = await loginAndReadCode()
    t.match(await users(['disable', 'ADA']), { code: 0, stderr: databaseLine })
    t.match(await server.verify(challengeToken, code), {
      status: 401,
      body: { type: /challenge-ended$/ }
    })
    t.match(await server.me(token), { status: 401, body: { type: /invalid-token$/ } })
    t.match(await server.login(ada.username, ada.password), {
      status: 401,
      body: { type: /invalid-credentials$/ }
    })
    t.match(await users(['list']), {
      code: 0,
      stdout: /^ada +\+1•••••••43 +disabled\ndemo +\+1•••••••06 +enabled\n$/
    })
  })

  t.test('enable lets the user log in again', async t => {
    await addAda(t)
    const { challengeToken, code } = await loginAndReadCode()
    t.match(await users(['disable', 'ada']), { code: 0, stderr: databaseLine })
    t.same(await users(['enable', 'ada']), {
      code: 0,
      stdout: 'Enabled ada.\n',
      stderr: databaseLine
    })
    t.match(
      await server.verify(challengeToken, code),
      { status: 401 },
      'the ended login stays ended'
    )
    t.match(await server.login(ada.username, ada.password), { status: 200 })
  })

  t.test('set-locale changes the language of messages and ends no session', async t => {
    await addAda(t)
    const token = await accessToken()
    t.same(await users(['set-locale', 'Ada', 'pt-br']), {
      code: 0,
      stdout: 'Messages to Ada are now in pt-BR.\n',
      stderr: databaseLine
    })
    t.match(await server.me(token), { status: 200 })
    await loginAndReadCode()
    t.match(server.printed(), / é o seu codigo de acesso sms-login/)
    t.match(await users(['list']), {
      stdout: /^ada +\+1•••••••43 +enabled +pt-BR\ndemo +\+1•••••••06 +enabled\n$/
    })
    t.same(await users(['set-locale', 'ada', 'auto']), {
      code: 0,
      stdout: 'Messages to ada are now in the language that the app requests.\n',
      stderr: databaseLine
    })
  })

  t.test('set-phone ends the login in progress and sends codes to the new number', async t => {
    await addAda(t)
    const { challengeToken, code } = await loginAndReadCode()
    t.same(await users(['set-phone', 'ada', '+447400123456']), {
      code: 0,
      stdout: 'Codes for ada now go to +44•••••••56. All sessions have ended.\n',
      stderr: databaseLine
    })
    t.match(await server.verify(challengeToken, code), {
      status: 401,
      body: { type: /challenge-ended$/ }
    })
    t.equal((await loginAndReadCode()).destination, '+44•••••••56')
  })

  t.test('set-password replaces the password', async t => {
    await addAda(t)
    t.same(await users(['set-password', 'ada'], 'tall silver otter'), {
      code: 0,
      stdout: 'Set a new password for ada. All sessions have ended.\n',
      stderr: databaseLine
    })
    t.match(await server.login(ada.username, ada.password), { status: 401 })
    t.match(await server.login(ada.username, 'tall silver otter'), { status: 200 })
  })

  t.test('set-password accepts eight emoji and keeps the spaces around them', async t => {
    await addAda(t)
    const password = ' 🐫🐢🦀🐙🐞🦉🐝🐌 '
    t.match(await users(['set-password', 'ada'], password), { code: 0 })
    t.match(await server.login(ada.username, password.trim()), { status: 401 })
    t.match(await server.login(ada.username, password), { status: 200 })
  })
})

t.test('sessions and lockouts', async t => {
  t.test('list shows the lockouts of logins, confirmations and phone changes', async t => {
    await addAda(t)
    const until = new Date(Date.now() + 3_600_000)
    const setLockouts = (data: Partial<User>) =>
      prisma.user.updateMany({ where: { username: 'ada' }, data })
    const stateOfAda = async () => /^ada +\S+ +(.*)$/m.exec((await users(['list'])).stdout)?.[1]
    await setLockouts({ confirmationsLockedUntil: until })
    t.equal(await stateOfAda(), 'confirmations locked')
    await setLockouts({ codeLockedUntil: until, phoneChangesLockedUntil: until })
    t.equal(await stateOfAda(), 'locked, confirmations locked, phone changes locked')
    t.match(await users(['unlock', 'ada']), { code: 0 })
    t.equal(await stateOfAda(), 'enabled')
  })

  t.test("sessions lists a user's sessions until logout ends them", async t => {
    await addAda(t)
    const token = await accessToken()
    t.match(await users(['sessions', 'Ada']), {
      code: 0,
      stdout:
        /^(since \d{4}-\d\d-\d\d \d\d:\d\dZ, last used \d{4}-\d\d-\d\d \d\d:\d\dZ {2}node\n)+$/,
      stderr: databaseLine
    })
    t.match(await users(['logout', 'Ada']), {
      code: 0,
      stdout: /^Ended \d+ sessions? of Ada\. Other services accept/,
      stderr: databaseLine
    })
    t.match(await server.me(token), { status: 401, body: { type: /invalid-token$/ } })
    t.same(await users(['sessions', 'ada']), {
      code: 0,
      stdout: 'ada is not logged in.\n',
      stderr: databaseLine
    })
  })

  t.test('unlock ends a lockout by wrong codes', async t => {
    await addAda(t)
    const { challengeToken, code } = await loginAndReadCode()
    for (let i = 0; i < 5; i++) await server.verify(challengeToken, differentCode(code))
    t.match(await server.login(ada.username, ada.password), {
      status: 429,
      body: { type: /too-many-attempts$/, reason: 'codes' }
    })
    t.match(await users(['list']), { stdout: /^ada +\+1•••••••43 +locked\n/ })
    t.same(await users(['unlock', 'Ada']), {
      code: 0,
      stdout: [
        'Unlocked Ada. A running server may refuse logins for another five seconds.',
        'Reset login codes: 5 wrong in a row.',
        'Not reset: limits of an address, a country and in total; see npm run limits.',
        ''
      ].join('\n'),
      stderr: databaseLine
    })
    t.ok(await accessToken())
  })

  t.test('unlock resets password limits under every configured secret', async t => {
    await addAda(t)
    const counted = () =>
      prisma.rateLimit.count({ where: { key: { startsWith: 'password.name:' }, count: { gt: 0 } } })
    await server.login(ada.username, 'not the password')
    t.equal(await counted(), 1)
    const local = readFileSync(join(folder, 'data/secret'), 'utf8').trim()
    const SECRET = `${randomBytes(32).toString('hex')},${local}`
    t.match(
      await startProcess(t, 'users', { folder, env: { ...silent, SECRET } }, 'unlock', 'ada').ended,
      {
        code: 0,
        stderr: databaseLine
      }
    )
    t.equal(await counted(), 0)
  })
})

t.test('events', async t => {
  const run = (env: Record<string, string>, ...args: string[]) =>
    startProcess(t, 'users', { folder, env, input: 'tall silver otter' }, ...args).ended
  /** The events in standard error, whose last line names the database. */
  const eventsIn = (stderr: string) =>
    stderr
      .replace(databaseLine, '')
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line))

  t.test('every change is logged on standard error with no personal data but the id', async t => {
    removeAdaAfter(t)
    const actor = 'operator'
    const changes: [string[], object[]][] = [
      [['add', 'ada', ada.phone], [{ event: 'user.created', actor }]],
      [['disable', 'ada'], [{ event: 'user.updated', actor, changed: ['disabled'] }]],
      [['set-locale', 'ada', 'de'], [{ event: 'user.updated', actor, changed: ['locale'] }]],
      [
        ['set-claims', 'ada', '{"roles":["ada"]}'],
        [{ event: 'user.updated', actor, changed: ['claims'] }]
      ],
      [['unlock', 'ada'], [{ event: 'user.unlocked', actor }]],
      [
        ['set-phone', 'ada', '+447400123456'],
        [
          { event: 'user.updated', actor, changed: ['phone'] },
          { event: 'user.unlocked', actor }
        ]
      ],
      [
        ['set-password', 'ada'],
        [
          { event: 'password.changed', actor },
          { event: 'user.unlocked', actor }
        ]
      ],
      [['logout', 'ada'], []],
      [['list'], []]
    ]
    for (const [args, expected] of changes) {
      const { code, stderr } = await run(env, ...args)
      t.equal(code, 0, stderr)
      const events = eventsIn(stderr)
      t.match(events, expected, args.join(' '))
      t.equal(events.length, expected.length)
      t.notMatch(stderr, /ada\W|otter|\d{7}[^\d]*\d\d"/)
      const user = await directory.find({ username: 'ada' })
      for (const event of events)
        t.match(event, { level: 'info', userId: user?.id, time: /Z$/, msg: String })
    }
  })

  t.test('a failed command logs no event, and neither does LOG_LEVEL=warn', async t => {
    await addAda(t)
    t.match(await run(env, 'disable', 'nobody'), { code: 1, stderr: /^There is no user.*\n$/ })
    t.match(await run({ ...env, LOG_LEVEL: 'warn' }, 'disable', 'ada'), {
      code: 0,
      stderr: databaseLine
    })
  })
})

t.test('errors', async t => {
  t.test('a refused command prints one line, exits 1 and changes nothing', async t => {
    await addAda(t)
    // The tests of the domain cover every reason to refuse a number or a password.
    const refusals: [RegExp, string[], string][] = [
      [/SMS_COUNTRIES does not list \(DE\)/, ['set-phone', 'ada', '+4915123456789'], ''],
      [/common passwords/, ['set-password', 'ada'], 'Password123\n'],
      [/already a user named Ada/, ['add', 'Ada', '+12025550144'], 'a perfectly fine password\n'],
      [/no user named nobody/, ['disable', 'nobody'], ''],
      [/no user named nobody/, ['set-locale', 'nobody', 'de'], ''],
      [
        /must be auto or one that messages exist in \(en, ar, de, /,
        ['set-locale', 'ada', 'fi'],
        ''
      ],
      [
        /must be auto or one/,
        ['add', 'grace', '+12025550144', 'no language'],
        'a perfectly fine password\n'
      ],
      [/no user named nobody/, ['unlock', 'nobody'], ''],
      [/no user named nobody/, ['sessions', 'nobody'], ''],
      [/no user named nobody/, ['logout', 'nobody'], ''],
      [/no user named two lines/, ['disable', 'two\nlines'], '']
    ]
    // Two at a time, because many machines have only two cores.
    while (refusals.length > 0) {
      await Promise.all(
        refusals.splice(0, 2).map(async ([line, args, input]) => {
          const { code, stdout, stderr } = await users(args, input)
          t.equal(code, 1, args.join(' '))
          t.equal(stdout, '')
          t.match(stderr, line)
          t.equal(stderr.split('\n').length, 2, stderr)
          t.notMatch(stderr, /\d{7}/, 'no full number is printed')
        })
      )
    }
    t.match(await server.login(ada.username, ada.password), { status: 200 })
  })

  t.test('wrong usage prints the usage and exits 2', async t => {
    t.match(await users(['add', 'grace']), {
      code: 2,
      stdout: '',
      stderr: /^Usage: npm run users -- <command>\n\n {2}add <username>/
    })
  })

  t.test('a password that is not one line of UTF-8 text is refused', async t => {
    await addAda(t)
    const refusals: [RegExp, Buffer | string][] = [
      [/^The password must be UTF-8\.\n$/, Buffer.from('pa\xdfwort geheim', 'latin1')],
      [/must be UTF-8\.\n$/, Buffer.from('\ufeffcorrect horse', 'utf16le')],
      [/must be UTF-8 without a byte order mark/, '\ufeffcorrect horse battery\n'],
      [/must not contain control characters/, Buffer.from('correct horse', 'utf16le')],
      [/must not contain control characters/, 'correct\u0000horse battery'],
      [/must not contain control characters/, 'correct\thorse battery'],
      [/must be one line/, 'correct horse\nbattery staple\n'],
      [/must be one line/, 'correct horse battery\n\n'],
      [/must be one line/, 'correct horse\rbattery staple'],
      [/must be one line/, 'correct horse\u2028battery'],
      [/at most 256 characters/, 'x'.repeat(1_000_000)]
    ]
    for (const [line, input] of refusals) {
      const { code, stdout, stderr } = await startProcess(
        t,
        'users',
        { folder, env: silent, input },
        'set-password',
        'ada'
      ).ended
      t.match({ code, stdout, stderr }, { code: 1, stdout: '', stderr: line })
      t.equal(stderr.split('\n').length, 2, stderr)
    }
    t.match(await server.login(ada.username, ada.password), { status: 200 })
  })

  t.test('a command ends silently when the reader of its output closes the pipe', async t => {
    for (const program of ['users', 'keys'] as const) {
      const args = [...argumentsOf(program), 'list'].map(word => `'${word}'`).join(' ')
      const { code, stderr } = await startProgram(
        t,
        'bash',
        ['--norc', '-c', `set -o pipefail; '${process.execPath}' --liftoff-only ${args} | true`],
        { folder, env: silent }
      ).ended
      t.match({ code, stderr }, { code: 0, stderr: program === 'users' ? databaseLine : '' })
    }
  })
})

t.test('database and secret', async t => {
  t.test('a command opens the database itself when no server has it open', async t => {
    const elsewhere = t.testdir()
    await unpackDatabase(join(elsewhere, 'data/pglite'))
    const other = await startServer(t, { folder: elsewhere, env })
    await other.prints(/demo, password/)
    other.kill('SIGTERM')
    t.match(await other.ended, { code: 0, stderr: '' })
    t.match(await startProcess(t, 'users', { folder: elsewhere, env }, 'list').ended, {
      code: 0,
      stdout: /^demo +\+1•••••••06 +enabled\n$/,
      stderr: databaseLineFor(elsewhere)
    })
  })

  t.test('only migrate with a DATABASE_URL creates a database', async t => {
    const elsewhere = t.testdir()
    for (const program of ['users', 'migrate'] as const) {
      const args = program === 'users' ? ['add', ada.username, ada.phone] : []
      const run = await startProcess(
        t,
        program,
        { folder: elsewhere, input: `${ada.password}\n` },
        ...args
      ).ended
      t.match(run, { code: 1, stdout: '', stderr: /There is no database at pglite:\/.*\n$/ })
      t.equal(run.stderr.split('\n').length, 2)
      t.match(run.stderr, join(elsewhere, 'data/pglite'))
      t.same(readdirSync(elsewhere), [])
    }
    const env = { DATABASE_URL: 'pglite:named' }
    t.match(await startProcess(t, 'migrate', { folder: elsewhere, env }).ended, {
      code: 0,
      stdout: /^applied /
    })
    t.same(readdirSync(elsewhere), ['named'])
    rmSync(join(elsewhere, 'named'), { recursive: true })
    mkdirSync(join(elsewhere, 'empty'), { mode: 0o700 })
    const DATABASE_URL = `pglite:${join(elsewhere, 'empty')}`
    t.match(
      await startProcess(t, 'users', { folder: elsewhere, env: { DATABASE_URL } }, 'list').ended,
      {
        code: 1,
        stderr: /There is no database at pglite:/
      }
    )
    t.same(readdirSync(elsewhere, { recursive: true }), ['empty'])
    t.match(
      await startProcess(
        t,
        'users',
        { folder: elsewhere, env: { DATABASE_URL: 'pglite:' } },
        'list'
      ).ended,
      { code: 1, stderr: /in the memory of the server/ }
    )
  })

  t.test('a command creates no secret and reports which limits it could not reset', async t => {
    const elsewhere = t.testdir()
    await unpackDatabase(join(elsewhere, 'db'))
    const run = (args: string[], more: Record<string, string> = {}) =>
      startProcess(
        t,
        'users',
        {
          folder: elsewhere,
          env: { ...env, DATABASE_URL: 'pglite:db', ...more },
          input: 'tall silver otter\n'
        },
        ...args
      ).ended
    t.match(await run(['add', 'ada', ada.phone]), { code: 0 })
    const notReset = "Rate limits were not reset. Set SECRET to the server's and run unlock ada.\n"
    t.match(await run(['set-password', 'ada']), {
      code: 0,
      stdout: `Set a new password for ada. All sessions have ended.\n${notReset}`
    })
    t.match(await run(['set-phone', 'ada', '+12025550144']), {
      code: 0,
      stdout: `Codes for ada now go to +1•••••••44. All sessions have ended.\n${notReset}`
    })
    t.match(await run(['unlock', 'ada']), {
      code: 1,
      stdout: '',
      stderr: "SECRET must be set to the server's, because it keys the rate limits.\n"
    })
    t.same(readdirSync(elsewhere), ['db'])
    const SECRET = randomBytes(32).toString('hex')
    t.match(await run(['unlock', 'ada'], { SECRET }), { code: 0, stdout: /^Unlocked ada\./ })
  })
})

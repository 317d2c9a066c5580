import { join } from 'node:path'
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { createPasswords } from '../../src/adapters/secrets/passwords.ts'
import { createUserDirectory } from '../../src/adapters/stores/user-directory.ts'
import { unpackDatabase } from '../support/database.ts'
import { ada } from '../support/start-app.ts'
import {
  printedCode,
  startProcess,
  startServer,
  startProgram,
  argumentsOf
} from '../support/start-process.ts'

// A server has the embedded database open, and the commands use it through the server.
const folder = t.testdir()
const env = { SMS_COUNTRIES: 'US,GB', LOG_LEVEL: 'silent' }
await unpackDatabase(join(folder, 'data/pglite'))
const server = await startServer(t, { folder, env: { ...env, LOG_LEVEL: 'info' } })
await server.prints(/demo, password/)
const { prisma, close } = await openDatabase(`pglite:${join(folder, 'data/pglite')}`, {
  join: true,
  poolSize: 1
})
t.teardown(close)
const directory = createUserDirectory(prisma)
await prisma.user.deleteMany()

const users = (...args: string[]) => startProcess(t, 'users', { folder, env }, ...args).ended

/** A digest with parameters that no login uses. */
const passwordDigest =
  '$argon2id$v=19$m=1024,t=1,p=1$' +
  'c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g'

/** The hash of Ada's password. */
const adasDigest = await createPasswords({
  memoryKib: 1024,
  time: 1,
  concurrency: 1,
  queue: 1
}).hash(ada.password)

/** Logs Ada in with the code that the server prints. */
async function logInAda() {
  const { body } = await server.login('ada', ada.password)
  return (await server.verify(body.challengeToken, printedCode(server.printed()))).body
}

/** Adds users and deletes them at the end of the test. */
async function add(t: Test, ...usernames: string[]) {
  t.teardown(() => prisma.user.deleteMany())
  for (const username of usernames)
    await directory.add({ username, phone: ada.phone, passwordDigest })
}

t.test('list and search', async t => {
  t.test('without users, list prints a sentence and list --json prints nothing', async t => {
    t.match(await users('list'), { code: 0, stdout: 'There are no users yet.\n' })
    t.match(await users('list', '--json'), { code: 0, stdout: '' })
  })

  t.test('list --json has the fields of the admin API, with the number in full', async t => {
    await add(t, 'ada')
    const { code, stdout } = await users('list', '--json')
    t.equal(code, 0)
    const user = JSON.parse(stdout)
    t.match(user, { id: /^[\da-f-]{36}$/, createdAt: /^20.*Z$/ })
    t.same(user, {
      id: user.id,
      username: 'ada',
      phone: ada.phone,
      locale: null,
      claims: {},
      disabled: false,
      createdAt: user.createdAt,
      lastLoginAt: null,
      phoneChangedAt: null,
      codeFailures: 0,
      lockedUntil: null,
      factors: { sms: true, totp: false, recoveryCodes: 0 }
    })
  })

  t.test('search lists the usernames that begin with the prefix, in any case', async t => {
    await add(t, 'ada', 'Ada.Lovelace', 'bea', 'a%', 'a_a')
    const found = async (prefix: string) =>
      [...(await users('search', prefix)).stdout.matchAll(/^(\S+) +\+1/gm)].map(([, name]) => name)
    t.same(await found('ADA'), ['ada', 'Ada.Lovelace'])
    t.same(await found('a%'), ['a%'], 'a percent sign is literal')
    t.match(await users('search', 'zoe'), { code: 0, stdout: 'No username begins with zoe.\n' })
    t.same(JSON.parse((await users('search', 'b', '--json')).stdout).username, 'bea')
  })

  t.test('list prints thousands of users once each and ends when the pipe closes', async t => {
    t.teardown(() => prisma.user.deleteMany())
    const names = Array.from({ length: 3000 }, (_, n) => `user${String(n).padStart(5, '0')}`)
    await prisma.user.createMany({
      data: names.map(name => ({ username: name, usernameKey: name, passwordDigest, phone: null }))
    })
    const { stdout } = await users('list', '--json')
    t.same(
      stdout
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line).username),
      names
    )
    const args = [...argumentsOf('users'), 'list'].map(word => `'${word}'`).join(' ')
    const { code, stdout: first } = await startProgram(
      t,
      'bash',
      ['--norc', '-c', `set -o pipefail; '${process.execPath}' --liftoff-only ${args} | head -1`],
      { folder, env }
    ).ended
    t.match({ code, first }, { code: 0, first: /^user00000 +no phone +enabled\n$/ })
  })
})

t.test('show', async t => {
  const lastLine = async (username: string) =>
    (await users('show', username)).stdout.trimEnd().split('\n').at(-1)

  t.test('show prints all data about a user except the hash and the full number', async t => {
    await add(t, 'ada')
    const { code, stdout } = await users('show', 'ADA')
    t.equal(code, 0)
    const user = await directory.find({ username: 'ada' })
    for (const line of [
      `id (sub)              ${user?.id}`,
      'username              ada',
      'phone                 +1•••••••43',
      'messages to it        possible',
      'language              as the app requests',
      'state                 enabled',
      'password hash         argon2id:m=1024,t=1,p=1',
      'claims                {}',
      'factors               SMS',
      'sessions              0',
      'last login            never',
      'phone changed         never',
      'login codes           0 wrong in a row',
      'confirmation codes    0 wrong in a row',
      'phone-change codes    0 wrong in a row',
      'last code             none',
      'exhausted limits      none'
    ])
      t.ok(stdout.includes(`${line}\n`), line)
    t.match(stdout, /\ncreated {15}20\d\d-\d\d-\d\d \d\d:\d\dZ\n/)
    t.match(stdout, /\n\nada can log in\.\n$/)
    t.notMatch(stdout, /c2FsdH|5550143/)
  })

  t.test('the last line says why and until when a user cannot log in', async t => {
    await add(t, 'ada')
    const set = (data: Parameters<typeof prisma.user.updateMany>[0]['data']) =>
      prisma.user.updateMany({ data })
    const codeLockedUntil = new Date('2999-11-26T03:13:01Z')
    await set({ codeFailures: 5, codeLockedUntil })
    t.equal(await lastLine('ada'), 'ada cannot log in until 2999-11-26 03:14Z: 5 wrong codes.')
    const { stdout } = await users('show', 'ada')
    t.match(stdout, /^login codes {11}5 wrong in a row, locked until 2999-11-26 03:13Z$/m)
    await set({ disabled: true, phone: '+4915123456789' })
    t.equal(
      await lastLine('ada'),
      'ada cannot log in: disabled, ' +
        'the phone is in a country that SMS_COUNTRIES does not list (DE), ' +
        '5 wrong codes (until 2999-11-26 03:14Z).'
    )
    await set({ disabled: false, phone: null, passwordDigest: 'x', codeFailures: 100 })
    t.equal(
      await lastLine('ada'),
      'ada cannot log in: no phone number, the stored password hash is unreadable, ' +
        '100 wrong codes.'
    )
  })

  t.test('show --json adds to list --json why the user cannot log in', async t => {
    await add(t, 'ada')
    await prisma.user.updateMany({ data: { disabled: true } })
    const [shown, listed] = await Promise.all([
      users('show', 'ada', '--json'),
      users('list', '--json')
    ])
    t.same(JSON.parse(shown.stdout), {
      ...JSON.parse(listed.stdout),
      passwordKind: 'argon2id:m=1024,t=1,p=1',
      sessions: 0,
      lockouts: ['login', 'confirmation', 'phone-change'].map(of => ({
        of,
        failures: 0,
        locked: false,
        until: null
      })),
      undeliverable: [],
      exhaustedLimits: [],
      lastCodes: [],
      canLogIn: false,
      obstacles: [{ reason: 'disabled', until: null, refuses: 'logins' }]
    })
    t.match(await users('show', 'nobody'), { code: 1, stderr: /^There is no user named nobody\./ })
  })
})

t.test('set-claims', async t => {
  t.test('access tokens contain the claims after a refresh, and sessions continue', async t => {
    await add(t, 'ada')
    await directory.change({ username: 'ada' }, { passwordDigest: adasDigest }, new Date())
    const first = await logInAda()
    const setTo = async (json: string) => {
      const { code, stdout } = await users('set-claims', 'Ada', json)
      t.equal(code, 0)
      return stdout
    }
    t.equal(
      await setTo('{"roles": ["admin"], "tenant": {"id": 42}}'),
      'Set the claims of Ada. Access tokens contain them from the next login or refresh on.\n'
    )
    t.notOk('roles' in decodeJwt(first.accessToken))
    t.match(await server.me(first.accessToken), { status: 200 })
    const { body: second } = await server.refresh(first.refreshToken)
    t.match(decodeJwt(second.accessToken), { roles: ['admin'], tenant: { id: 42 } })
    let { refreshToken } = second
    for (const none of ['null', '{}']) {
      await setTo('{"tenant": 42}')
      t.equal(
        await setTo(none),
        'Removed the claims of Ada. Access tokens contain none from the next login or refresh on.\n'
      )
      const { body } = await server.refresh(refreshToken)
      t.notOk('tenant' in decodeJwt(body.accessToken), none)
      refreshToken = body.refreshToken
    }
    t.match(await directory.find({ username: 'ada' }), { claims: {} })
  })

  t.test('invalid claims change nothing, and one line names them', async t => {
    await add(t, 'ada')
    const before = { roles: ['reader'] }
    await directory.change({ username: 'ada' }, { claims: before }, new Date())
    const refusals: Record<string, RegExp> = {
      '{"roles": ["admin"], "sub": "root"}': /^The claim "sub" is reserved: access tokens have it/,
      '{"exp": 4102444800}': /^The claim "exp" is reserved/,
      '{"cnf": {}}': /^The claim "cnf" is reserved: services that verify tokens interpret it/,
      '{"roles": "admin"}': /^The claim "roles" must be a list of strings\./,
      '{"limit": 9007199254740993}': /^The claim "limit" has a number that JSON parsers round/,
      '{"a": 1, "rate": [0.12345678901234567890]}': /^The claim "rate" has a number that JSON/,
      '{"text": "a\\u0000b"}': /^The claim "text" has text with a lone surrogate or NUL\./,
      '{"__proto__": {}}': /^The claim "__proto__" is not allowed\./,
      '{"two\\nlines\\u2028": {"__proto__": 1}}':
        /^The claim "two\\nlines " must not contain the key/,
      [JSON.stringify({ text: 'x'.repeat(2048) })]: /^The claims must have at most 2048 bytes/,
      '["admin"]': /^The claims must be a JSON object\./,
      '{roles:[admin]}': /^The claims are not valid JSON\. Write them in single quotes, like '\{"/,
      '': /^The claims are not valid JSON\./
    }
    for (const [json, line] of Object.entries(refusals)) {
      const { code, stdout, stderr } = await users('set-claims', 'ada', json)
      t.match({ code, stdout, stderr }, { code: 1, stdout: '', stderr: line }, json)
      t.equal(stderr.split(/[\n\u2028]/).length, 2, stderr)
    }
    t.match(await users('set-claims', 'nobody', '{}'), {
      code: 1,
      stderr: /^There is no user named nobody\./
    })
    t.match(await directory.find({ username: 'ada' }), { claims: before })
  })
})

t.test('rename and delete', async t => {
  t.test('rename changes the username or only its case and refuses a taken username', async t => {
    await add(t, 'ada', 'bea')
    const id = (await directory.find({ username: 'ada' }))?.id
    const renamed = await users('rename', 'ada', "o'hara@example.com")
    t.match(renamed, { code: 0, stdout: "Renamed ada to o'hara@example.com. Sessions continue.\n" })
    t.match(await users('rename', "o'hara@example.com", "O'Hara@example.com"), { code: 0 })
    t.match(await directory.find({ username: "o'hara@EXAMPLE.com" }), {
      id,
      username: "O'Hara@example.com"
    })
    t.match(await users('rename', 'bea', "O'HARA@example.com"), {
      code: 1,
      stdout: '',
      stderr: /^There is already a user named O'HARA@example\.com\. \(Database: .*\)\n$/
    })
    t.match(await users('rename', 'bea', 'two words'), { code: 1, stderr: /^The username must/ })
    t.match(await users('rename', 'nobody', 'zoe'), { code: 1, stderr: /no user named nobody/ })
    t.match(await directory.find({ username: 'bea' }), { username: 'bea' })
  })

  t.test('delete in a script does not ask, and prints what stays in the log', async t => {
    await add(t, 'ada')
    const id = (await directory.find({ username: 'ada' }))?.id
    const { code, stdout } = await users('delete', 'ADA')
    t.equal(code, 0)
    t.match(stdout, /^Deleted ADA with all sessions, pending codes and claims\.\nThe log still has/)
    t.ok(stdout.includes(`the id ${id}.`))
    t.equal(await directory.find({ username: 'ada' }), null)
    t.match(await users('delete', 'ada'), { code: 1, stderr: /no user named ada/ })
  })

  t.test('after delete, no row contains data of the user', async t => {
    await add(t, 'ada')
    await directory.change(
      { username: 'ada' },
      { passwordDigest: adasDigest, claims: { roles: ['countess'] } },
      new Date()
    )
    t.match(await logInAda(), { accessToken: String })
    await server.login('ada', ada.password)
    const id = (await directory.find({ username: 'ada' }))?.id ?? 'none'
    const personal = new RegExp(`"ada"|5550143|countess|${id}`)
    const everything = async () => {
      const tables = await Promise.all([
        prisma.user.findMany(),
        prisma.challenge.findMany(),
        prisma.session.findMany(),
        prisma.rateLimit.findMany()
      ])
      return JSON.stringify(tables)
    }
    t.match(await everything(), personal)
    t.match(await users('delete', 'ada', '--yes'), { code: 0 })
    t.notMatch(await everything(), personal)
  })

  t.test('unknown options are wrong usage', async t => {
    await add(t, 'ada')
    for (const args of [
      ['delete', 'ada', '--no'],
      ['show', 'ada', '--json=yes'],
      ['rename', 'ada', 'bea', '--json'],
      ['search'],
      ['set-claims', 'ada'],
      ['set-claims', 'ada', '{"roles":', '["admin"]}']
    ])
      t.match(await users(...args), { code: 2, stdout: '', stderr: /^Usage: / }, args.join(' '))
    await add(t, '-ada')
    t.match(await users('delete', '--', '-ada'), { code: 0 })
  })
})

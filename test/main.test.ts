import { cpSync, statSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import manifest from '../package.json' with { type: 'json' }
import { socketPath } from '../src/adapters/postgres/folder-lock.ts'
import { createPasswords } from '../src/adapters/secrets/passwords.ts'
import { createUserDirectory } from '../src/adapters/stores/user-directory.ts'
import { ada, codeIn } from './support/start-app.ts'
import { createEmptyDatabase, needsServer, unpackDatabase } from './support/database.ts'
import {
  production,
  printedCode,
  startProcess,
  startServer,
  startProgram
} from './support/start-process.ts'
import { respondLate, startTwilioStandIn, twilioAccount } from './support/twilio-stand-in.ts'

/** Creates a folder with a migrated database, so that a server starts quickly. */
async function folderWithDatabase(t: Test) {
  const folder = t.testdir()
  await unpackDatabase(join(folder, 'data/pglite'))
  return folder
}

/** Starts the server without configuration. Resolves when it has printed its instructions. */
async function startUnconfigured(t: Test, folder: string, port = '0') {
  const server = await startServer(t, { folder, env: { PORT: port } })
  await server.prints(/Use the access token.*\n.*\n/)
  const printed = server.printed()
  const instructions = printed.slice(printed.indexOf('\n  sms-login listens'))
  const [, password = ''] = /demo, password (\S+) \(shown this once\)/.exec(instructions) ?? []
  return { ...server, instructions, password }
}

/** Asserts that a server exits with 1 and this one line. */
async function assertRefusesToStart(
  t: Test,
  folder: string,
  env: Record<string, string>,
  line: RegExp
) {
  const { code, stdout, stderr } = await startProcess(t, 'main', { folder, env }).ended
  t.equal(code, 1)
  t.match(stderr, line)
  t.equal(stderr.split('\n').length, 2, stderr)
  t.equal(stdout, '')
}

t.test('start', async t => {
  // These tests share one first start, because it takes seconds.
  t.test('a first start without configuration', async t => {
    const folder = t.testdir()
    const server = await startUnconfigured(t, folder)

    t.test('prints three commands that log in and call /me', async t => {
      const { instructions } = server
      t.match(
        instructions,
        `sms-login listens on ${server.url}. Twilio is not configured, so codes are printed here.`
      )
      const lines = instructions.split('\n').filter(line => /^\S/.test(line))
      t.equal(lines.length, 3)

      for (const name of ['sh', 'bash']) {
        const shell = startProgram(t, name, [], { folder })
        const { length } = server.printed()
        shell.type(lines[0] ?? '')
        await server.prints(/NOT SENT/, length)
        await shell.prints(/"challengeToken".*\n/)
        shell.type(lines[1] ?? '')
        await shell.prints(/Code: /)
        shell.type(printedCode(server.printed()))
        await shell.prints(/"accessToken".*\n/)
        shell.type(lines[2] ?? '')
        const [user] = await shell.prints(/\{"id".*\n/)
        t.match(JSON.parse(user), { username: 'demo', phone: '+1•••••••06' }, name)
        shell.type('exit')
        t.match(await shell.ended, { code: 0, stderr: '' })
      }
    })

    t.test('serves the demo page', async t => {
      t.match(await (await fetch(server.url)).text(), /^<!doctype html>/)
    })

    t.test('creates keys and data that only its user can read', async t => {
      const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)
      t.same(
        ['data', 'data/pglite', 'data/secret', 'data/jwt-private-key.pem'].map(file =>
          mode(join(folder, file))
        ),
        ['700', '700', '600', '600']
      )
      t.equal(mode(socketPath(join(folder, 'data/pglite'))), '600')
    })

    t.test('stops a second server in its folder or on its port with one line', async t => {
      const { port } = new URL(server.url)
      await Promise.all([
        assertRefusesToStart(
          t,
          folder,
          { PORT: '0' },
          new RegExp(
            "^sms-login can't start: another process has \\./data/pglite open: " +
              'is the server already running\\?\\n$'
          )
        ),
        assertRefusesToStart(
          t,
          t.testdir(),
          { PORT: port, DATABASE_URL: 'pglite:' },
          new RegExp(
            `^sms-login can't start: HOST and PORT can't be used: .*in use 127.0.0.1:${port}\n$`
          )
        )
      ])
    })
  })

  t.test('the user, keys, tokens and pending login survive kill -9', async t => {
    const folder = await folderWithDatabase(t)
    const first = await startUnconfigured(t, folder)
    const {
      body: { challengeToken }
    } = await first.login('demo', first.password)
    const {
      body: { accessToken }
    } = await first.verify(challengeToken, printedCode(first.printed()))
    const keys = await first.jwks()
    const { length } = first.printed()
    const pending = await first.login('demo', first.password)
    await first.prints(/NOT SENT/, length)
    const code = printedCode(first.printed())
    first.kill('SIGKILL')
    t.match(await first.ended, { code: 'SIGKILL', stderr: '' })

    // A copy of .env.example changes nothing.
    cpSync(new URL('../.env.example', import.meta.url), join(folder, '.env'))
    const second = await startServer(t, { folder, env: { PORT: new URL(first.url).port } })
    await second.prints(/set-password <username>\n/)
    t.notMatch(second.printed(), /shown this once|curl/)
    t.same(await second.jwks(), keys)
    t.match(await second.me(accessToken), { status: 200, body: { username: 'demo' } })
    t.match(await second.verify(pending.body.challengeToken, code), { status: 200 })
  })
})

t.test('startup errors', async t => {
  t.test('an unknown host stops the server with one line', async t => {
    await assertRefusesToStart(
      t,
      t.testdir(),
      { PORT: '0', HOST: 'nowhere.invalid', DATABASE_URL: 'pglite:' },
      /^sms-login can't start: HOST and PORT can't be used: .*nowhere\.invalid\n$/
    )
  })

  t.test('a port for the admin API that is in use stops the server with one line', async t => {
    const taken = createServer()
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
    t.teardown(() => taken.close())
    const ended = await startProcess(t, 'main', {
      folder: await folderWithDatabase(t),
      env: {
        PORT: '0',
        ADMIN_PORT: String((taken.address() as AddressInfo).port),
        API_KEY_HASHES: 'a'.repeat(64)
      }
    }).ended
    t.equal(ended.code, 1)
    t.match(
      ended.stderr,
      /^sms-login can't start: ADMIN_PORT can't be used: .*in use 127\.0\.0\.1:\d+\n$/
    )
    t.notMatch(ended.stdout, /Server listening/)
  })

  t.test('an unreachable database stops the server with one line', async t => {
    await assertRefusesToStart(
      t,
      t.testdir(),
      { PORT: '0', DATABASE_URL: 'postgresql://user:canary-password@127.0.0.1:1/login' },
      /^sms-login can't start: can't reach the database at 127\.0\.0\.1:1: check .*\n$/
    )
  })

  t.test(
    'in production, a missing variable stops the server with one line that names it',
    async t => {
      const { SECRET: _secret, ...withoutSecret } = production('pglite:data/pglite')
      const { DATABASE_URL: _url, ...withoutDatabase } = production('')
      for (const [variable, env] of Object.entries({
        SECRET: withoutSecret,
        DATABASE_URL: withoutDatabase
      })) {
        t.same(await startProcess(t, 'main', { folder: t.testdir(), env }).ended, {
          code: 1,
          stdout: '',
          stderr: `sms-login can't start: ${variable} must be set when NODE_ENV is production\n`
        })
      }
    }
  )

  t.test('an uncaught error ends the server with one fatal log line and exit code 1', async t => {
    // The error is thrown outside all handlers of the server.
    const bug = 'process.on("SIGUSR2", () => { throw new Error("an uncaught error") })'
    const args = [
      '--import',
      `data:text/javascript,${encodeURIComponent(bug)}`,
      join(import.meta.dirname, '../dist/main.js')
    ]
    const server = startProgram(t, process.execPath, args, {
      folder: await folderWithDatabase(t),
      env: { ...production('pglite:data/pglite'), PORT: '0' }
    })
    await server.prints(/Server listening/)
    server.kill('SIGUSR2')
    const { code, stdout, stderr } = await server.ended
    t.equal(code, 1)
    t.equal(stderr, '')
    t.match(
      stdout
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line))
        .filter(({ level }) => level === 'fatal'),
      [{ err: { message: 'an uncaught error' } }]
    )
  })
})

t.test('shutdown', async t => {
  t.test('SIGTERM ends an idle server with 0', async t => {
    const server = await startUnconfigured(t, await folderWithDatabase(t))
    server.kill('SIGTERM')
    t.match(await server.ended, { code: 0, stderr: '' })
  })

  t.test('a signal sent only to npm start reaches the server', async t => {
    const server =
      "process.on('SIGTERM', () => { console.log('stopped'); process.exit(0) }); " +
      "console.log('up'); setTimeout(() => {}, 10_000)"
    const folder = t.testdir({
      'package.json': JSON.stringify({ scripts: { start: manifest.scripts.start } }),
      dist: { runtime: { 'preload.cjs': '' }, 'main.js': server }
    })
    const npm = startProgram(t, 'npm', ['--silent', 'start'], { folder })
    await npm.prints(/up/)
    npm.kill('SIGTERM')
    t.match(await npm.ended, { code: 0, stdout: 'up\nstopped\n' })
  })

  t.test(
    'in production, SIGTERM finishes the login in progress, refuses new ones and prints only JSON',
    async t => {
      const twilio = await startTwilioStandIn(t)
      const folder = await folderWithDatabase(t)
      const { ended } = startProcess(
        t,
        'users',
        { folder, input: `${ada.password}\n` },
        ...['add', ada.username, ada.phone]
      )
      t.match(await ended, { code: 0 })
      const server = await startServer(t, {
        folder,
        env: production('pglite:data/pglite', twilio.baseUrl)
      })
      twilio.failNext(respondLate(1500))
      const login = server.login(ada.username, ada.password)
      while (twilio.requests.length === 0) await new Promise(resolve => setTimeout(resolve, 10))
      server.kill('SIGTERM')
      await server.prints(/no new connections/)
      // A second signal, because some supervisors signal both npm and its child.
      server.kill('SIGTERM')
      // The server may respond until it stops listening, which this loop waits for.
      while (
        (await server.jwks().then(
          () => 'responded',
          error => error.cause?.code
        )) !== 'ECONNREFUSED'
      );
      t.match(await login, { status: 200, body: { sent: true } })
      const { code, stdout, stderr } = await server.ended
      t.equal(code, 0)
      t.equal(stderr, '')
      for (const line of stdout.trimEnd().split('\n'))
        t.match(JSON.parse(line), { level: String, time: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ })
      t.notMatch(stdout, /demo|ada/)
      t.match(
        stdout,
        /"level":"warn".*JWT_ISSUER is not set: tokens name http:\/\/127\.0\.0\.1:\d+ /
      )
    }
  )

  t.test('a client that stalls during its request does not prevent a clean shutdown', async t => {
    const server = await startServer(t, {
      folder: await folderWithDatabase(t),
      env: { ...production('pglite:data/pglite'), SHUTDOWN_TIMEOUT_MS: '1000' }
    })
    const stalled = connect(Number(new URL(server.url).port), '127.0.0.1')
    stalled.on('error', () => {}) // The server will close it.
    stalled.write(
      'POST /login HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n' +
        'Content-Length: 100\r\n\r\n{'
    )
    await server.jwks() // The response proves that the stalled request has been read.
    server.kill('SIGTERM')
    const { code, stdout, stderr } = await server.ended
    t.equal(code, 0, 'the shutdown was not forced')
    t.equal(stderr, '')
    t.notMatch(stdout, /"level":"(error|fatal)"/)
  })
})

t.test('services', async t => {
  t.test('in production, only the metrics port serves metrics, and no page is served', async t => {
    const server = await startServer(t, {
      folder: await folderWithDatabase(t),
      env: { ...production('pglite:data/pglite'), METRICS_PORT: '0' }
    })
    const [, metrics = ''] = await server.prints(/Metrics at (http:[^"]+)"/)
    t.match(await (await fetch(metrics)).text(), /^process_cpu_seconds_total/m)
    t.equal((await fetch(`${server.url}/metrics`)).status, 404)
    for (const path of [
      '/openapi.yaml',
      '/openapi.json',
      '/docs',
      '/docs/',
      '/docs/start.js',
      '/docs/problems',
      '/problems/not-found',
      '/documentation',
      '/'
    ])
      t.equal((await fetch(`${server.url}${path}`)).status, 404, path)
  })

  t.test(
    'two servers on one PostgreSQL database issue one token for fifty correct codes',
    { skip: needsServer },
    async t => {
      const twilio = await startTwilioStandIn(t)
      const database = await createEmptyDatabase(t)
      const url = new URL(database.url ?? '')
      url.password ||= 'canary-database-password' // Ignored with trust authentication.
      const env = {
        ...production(url.href, twilio.baseUrl),
        JWT_ISSUER: 'https://login.example',
        LOG_LEVEL: 'trace'
      }
      const folder = t.testdir()

      const unmigrated = await startProcess(t, 'main', { folder, env: { ...env, PORT: '0' } }).ended
      t.match(unmigrated, {
        code: 1,
        stdout: '',
        stderr: new RegExp(
          "^sms-login can't start: The database lacks these migrations: \\d{14}_\\w+.*" +
            'Run npm run migrate first\\.\\n$'
        )
      })
      const migrated = await startProcess(t, 'migrate', { folder, env }).ended
      t.match(migrated, {
        code: 0,
        stdout: /^applied \d{14}_\w+\n/,
        stderr: /^Database: postgresql:/
      })

      const { username, phone, password } = ada
      await createUserDirectory(database.prisma).add({
        username,
        phone,
        passwordDigest: await createPasswords({
          memoryKib: 1024,
          time: 1,
          concurrency: 1,
          queue: 1
        }).hash(password)
      })
      const servers = await Promise.all([
        startServer(t, { folder, env }),
        startServer(t, { folder, env })
      ])
      const [first, second] = servers
      t.match(await first.login(ada.username, 'not the password'), { status: 401 })
      const {
        body: { challengeToken }
      } = await first.login(ada.username, ada.password)
      const code = codeIn(twilio.messagesTo(ada.phone).at(-1)?.body)
      const responses = await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          (i % 2 === 0 ? first : second).verify(challengeToken, code)
        )
      )
      const [success, ...more] = responses.filter(({ status }) => status === 200)
      t.ok(success)
      t.equal(more.length, 0)
      const accessToken: string = success?.body.accessToken
      for (const { me } of servers)
        t.match(await me(accessToken), { status: 200, body: { username: ada.username } })

      for (const { kill } of servers) kill('SIGTERM')
      const runs = [unmigrated, migrated, ...(await Promise.all(servers.map(({ ended }) => ended)))]
      t.same(
        runs.slice(2).map(({ code }) => code),
        [0, 0]
      )
      const log = runs.map(({ stdout, stderr }) => stdout + stderr).join('')
      const canaries = [
        ada.password,
        'not the password',
        ada.phone.slice(1),
        challengeToken,
        accessToken,
        accessToken.split('.')[2],
        env.SECRET,
        url.password,
        env.JWT_PRIVATE_KEY.split('\n')[1],
        twilioAccount.authToken,
        Buffer.from(`${twilioAccount.accountSid}:${twilioAccount.authToken}`).toString('base64')
      ]
      for (const canary of canaries)
        t.notOk(log.includes(canary ?? 'missing'), `${canary} is not in the log`)
      t.notMatch(log, new RegExp(`(?<![0-9a-f.])${code}(?![0-9a-f])`), 'the code is not in the log')
    }
  )

  t.test(
    'every language that does not fit with the brand and domain is logged once at startup',
    async t => {
      const { printed, url } = await startServer(t, {
        folder: t.testdir(),
        env: {
          DATABASE_URL: 'pglite:',
          SMS_BRAND: 'Acme Savings & Loan',
          SMS_ORIGIN: 'login.example.com'
        }
      })
      t.match(url, /^http:/)
      const lines = printed()
        .split('\n')
        .filter(line => line.includes('do not fit with SMS_BRAND'))
        .map(line => JSON.parse(line))
      t.match(lines, [
        { level: 'warn', language: 'ar', login: true },
        { level: 'warn', language: 'hi', login: true }
      ])
      t.equal(lines.length, 2)
    }
  )
})

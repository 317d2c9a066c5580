import { cpSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import manifest from '../package.json' with { type: 'json' }
import { argon2Passwords } from '../src/adapters/argon2-passwords.ts'
import { prismaUserDirectory } from '../src/adapters/prisma-user-directory.ts'
import { ada, codeIn } from './support/start.ts'
import { emptyDatabase, serverUrl } from './support/database.ts'
import { production, shownCode, start, startServer, watch } from './support/service.ts'
import { answerLate, startTwilioStandIn, twilioAccount } from './support/twilio-stand-in.ts'

// A first start takes seconds, so there is one: the first tests tell the story of one folder, in order.
const folder = t.testdir()
const mode = (file: string) => (statSync(join(folder, file)).mode & 0o777).toString(8)

let server: Awaited<ReturnType<typeof startServer>>
let demoPassword = ''

t.test('the first start, with nothing configured, prints three lines to paste; a shell that runs them ends with who you are', async t => {
  server = await startServer(t.parent as typeof t, { folder })
  await server.prints(/Use the access token.*\n.*\n/)
  const greeting = server.printed().slice(server.printed().indexOf('\n  sms-login listens'))
  t.match(greeting, `sms-login listens on ${server.url}. No Twilio is configured, so the codes are printed here.`)
  demoPassword = /demo, password (\S+) \(shown this once\)/.exec(greeting)?.[1] ?? ''
  t.match(await (await fetch(server.url)).text(), /^<!doctype html>/, 'and in a browser there is a page')
  const lines = greeting.split('\n').filter(line => /^\S/.test(line))
  t.equal(lines.length, 3)

  for (const name of ['sh', 'bash']) {
    const shell = watch(t, name, [], { folder })
    const seen = server.printed().length
    shell.type(lines[0] ?? '')
    await server.prints(/NOT SENT/, seen)
    await shell.prints(/"challengeToken".*\n/)
    shell.type(lines[1] ?? '')
    await shell.prints(/Code: /)
    shell.type(shownCode(server.printed()))
    await shell.prints(/"accessToken".*\n/)
    shell.type(lines[2] ?? '')
    const [answer] = await shell.prints(/\{"id".*\n/)
    t.match(JSON.parse(answer), { username: 'demo', phone: '+1•••••••06' }, name)
    shell.type('exit')
    t.match(await shell.ended, { code: 0, stderr: '' })
  }
})

t.test('the keys and the data it has made are for its user alone', async t => {
  t.same(['data', 'data/pglite', 'data/pglite.sock', 'data/secret', 'data/jwt-private-key.pem'].map(mode), ['700', '700', '600', '600', '600'])
})

t.test('the user, the keys, the tokens and the challenge under way survive kill -9; with a copy of .env.example nothing changes', async t => {
  const { body: { challengeToken } } = await server.login('demo', demoPassword)
  const { body: { accessToken } } = await server.verify(challengeToken, shownCode(server.printed()))
  const keys = await server.jwks()
  const seen = server.printed().length
  const pending = await server.login('demo', demoPassword)
  await server.prints(/NOT SENT/, seen)
  const code = shownCode(server.printed())
  server.kill('SIGKILL')
  t.match(await server.ended, { code: 'SIGKILL', stderr: '' })

  cpSync(new URL('../.env.example', import.meta.url), join(folder, '.env'))
  server = await startServer(t.parent as typeof t, { folder, env: { PORT: new URL(server.url).port } })
  await server.prints(/set-password <username>\n/)
  t.notMatch(server.printed(), /shown this once|curl/)
  t.same(await server.jwks(), keys)
  t.match(await server.me(accessToken), { status: 200, body: { username: 'demo' } })
  t.match(await server.verify(pending.body.challengeToken, code), { status: 200 })
})

t.test('a second server on the folder, a taken port, a host that is not here, a database out of reach: one line each, exit 1', async t => {
  const { port } = new URL(server.url)
  const elsewhere = t.testdir()
  const refused = async (env: Record<string, string>, where: string, line: RegExp) => {
    const { code, stdout, stderr } = await start(t, 'main', { folder: where, env }).ended
    t.equal(code, 1)
    t.match(stderr, line)
    t.equal(stderr.split('\n').length, 2, stderr)
    t.equal(stdout, '')
  }
  await Promise.all([
    refused({ PORT: '0' }, folder, /^sms-login can't start: another process has \.\/data\/pglite open: is the server already running\?\n$/),
    refused({ PORT: port, DATABASE_URL: 'pglite:' }, elsewhere, new RegExp(`^sms-login can't start: HOST and PORT won't do: .*in use 127.0.0.1:${port}\n$`)),
    refused({ PORT: '0', HOST: 'nowhere.invalid' }, elsewhere, /^sms-login can't start: HOST and PORT won't do: .*nowhere\.invalid\n$/)
  ])
  await refused({ PORT: '0', DATABASE_URL: 'postgresql://someone:canary-password@127.0.0.1:1/login' }, elsewhere, /^sms-login can't start: can't reach the database at 127\.0\.0\.1:1\n$/)
})

t.test('SIGTERM at rest ends it with 0', async t => {
  server.kill('SIGTERM')
  t.match(await server.ended, { code: 0, stderr: '' })
})

t.test('a signal to npm start alone, as a supervisor of one process sends it, reaches the server behind it', async t => {
  const server = "process.on('SIGTERM', () => { console.log('told'); process.exit(0) }); console.log('up'); setTimeout(() => {}, 10_000)"
  const folder = t.testdir({ 'package.json': JSON.stringify({ scripts: { start: manifest.scripts.start } }), dist: { 'preload.cjs': '', 'main.js': server } })
  const npm = watch(t, 'npm', ['--silent', 'start'], { folder })
  await npm.prints(/up/)
  npm.kill('SIGTERM')
  t.match(await npm.ended, { code: 0, stdout: 'up\ntold\n' })
})

t.test('in production a server that has to stop finishes the login under way, takes no new ones, and has printed nothing but JSON', async t => {
  const twilio = await startTwilioStandIn(t)
  const server = await startServer(t, { folder, env: { ...production('pglite:data/pglite', twilio.baseUrl), METRICS_PORT: '0' } })
  const [, metrics = ''] = await server.prints(/Metrics at (http:[^"]+)"/)
  t.match(await (await fetch(metrics)).text(), /^process_cpu_seconds_total/m, 'its metrics are on a port of their own')
  t.equal((await fetch(`${server.url}/metrics`)).status, 404, 'and only there')
  for (const path of ['/openapi.yaml', '/openapi.json', '/docs', '/docs/', '/docs/start.js', '/docs/problems', '/problems/not-found', '/documentation', '/']) t.equal((await fetch(`${server.url}${path}`)).status, 404, path)
  twilio.next(answerLate(1500))
  const login = server.login('demo', demoPassword)
  while (twilio.requests.length === 0) await new Promise(resolve => setTimeout(resolve, 10))
  server.kill('SIGTERM')
  await server.prints(/no new connections/)
  // Once more, as a supervisor that signals npm and its child does.
  server.kill('SIGTERM')
  // It may still answer while it is about to stop. Then it does not, or this test never ends.
  while (await server.jwks().then(() => 'answered', error => error.cause?.code) !== 'ECONNREFUSED');
  t.match(await login, { status: 200, body: { sent: true } })
  const { code, stdout, stderr } = await server.ended
  t.equal(code, 0)
  t.equal(stderr, '')
  for (const line of stdout.trimEnd().split('\n')) t.match(JSON.parse(line), { level: String, time: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ })
  t.notMatch(stdout, /demo/)
})

t.test('a client that stalls in the middle of its request does not keep a server from stopping in order', async t => {
  const server = await startServer(t, { folder, env: { ...production('pglite:data/pglite'), SHUTDOWN_TIMEOUT_MS: '1000' } })
  const stalled = connect(Number(new URL(server.url).port), '127.0.0.1')
  stalled.on('error', () => {}) // It is cut off.
  stalled.write('POST /login HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{')
  await server.jwks() // Answered after the stalled request's beginning was read.
  server.kill('SIGTERM')
  const { code, stdout, stderr } = await server.ended
  t.equal(code, 0, 'not the exit of a stop that was cut short')
  t.equal(stderr, '')
  t.notMatch(stdout, /"level":"(error|fatal)"/)
})

t.test('an error that nobody caught ends the server with one fatal line and the exit code of a failure', async t => {
  // From where nothing of the server's could catch it.
  const bug = 'process.on("SIGUSR2", () => { throw new Error("nobody catches this") })'
  const words = ['--import', `data:text/javascript,${encodeURIComponent(bug)}`, new URL('../dist/main.js', import.meta.url).pathname]
  const server = watch(t, process.execPath, words, { folder, env: { ...production('pglite:data/pglite'), PORT: '0' } })
  await server.prints(/Server listening/)
  server.kill('SIGUSR2')
  const { code, stdout, stderr } = await server.ended
  t.equal(code, 1)
  t.equal(stderr, '')
  t.match(stdout.trimEnd().split('\n').map(line => JSON.parse(line)).filter(({ level }) => level === 'fatal'), [{ err: { message: 'nobody catches this' } }])
})

t.test('in production a server that lacks something says what in one line and exits with 1', async t => {
  const { SECRET: _secret, ...withoutSecret } = production('pglite:data/pglite')
  const { DATABASE_URL: _url, ...withoutDatabase } = production('')
  for (const [variable, env] of Object.entries({ SECRET: withoutSecret, DATABASE_URL: withoutDatabase })) {
    t.same(await start(t, 'main', { folder, env }).ended, {
      code: 1,
      stdout: '',
      stderr: `sms-login can't start: ${variable} must be set when NODE_ENV is production\n`
    })
  }
})

if (serverUrl !== undefined) {
  t.test('on a server, production wants a migrated database; two servers on it mint one token for fifty right codes and log no secret', async t => {
    const twilio = await startTwilioStandIn(t)
    const database = await emptyDatabase(t)
    const url = new URL(database.url ?? '')
    url.password ||= 'canary-database-password' // where the server trusts us anyway, nobody looks at it
    const env = { ...production(url.href, twilio.baseUrl), JWT_ISSUER: 'https://login.example', LOG_LEVEL: 'trace' }
    const folder = t.testdir()

    const unmigrated = await start(t, 'main', { folder, env: { ...env, PORT: '0' } }).ended
    t.match(unmigrated, { code: 1, stdout: '', stderr: /^sms-login can't start: The database lacks these migrations: \d{14}_\w+.*Run npm run migrate first\.\n$/ })
    const migrated = await start(t, 'migrate', { folder, env }).ended
    t.match(migrated, { code: 0, stdout: /^applied \d{14}_\w+\n/, stderr: '' })

    const { username, phone, password } = ada
    await prismaUserDirectory(database.prisma).add({ username, phone, passwordDigest: await (await argon2Passwords({ memoryKib: 1024, time: 1, concurrency: 1, queue: 1 })).hash(password) })
    const servers = await Promise.all([startServer(t, { folder, env }), startServer(t, { folder, env })])
    const [one, other] = servers
    t.match(await one.login(ada.username, 'not the password'), { status: 401 })
    const { body: { challengeToken } } = await one.login(ada.username, ada.password)
    const code = codeIn(twilio.textsTo(ada.phone).at(-1)?.body)
    const answers = await Promise.all(Array.from({ length: 50 }, (_, turn) => (turn % 2 === 0 ? one : other).verify(challengeToken, code)))
    const [minted, ...more] = answers.filter(({ status }) => status === 200)
    t.ok(minted)
    t.equal(more.length, 0)
    const accessToken: string = minted?.body.accessToken
    for (const { me } of servers) t.match(await me(accessToken), { status: 200, body: { username: ada.username } })

    for (const { kill } of servers) kill('SIGTERM')
    const runs = [unmigrated, migrated, ...await Promise.all(servers.map(({ ended }) => ended))]
    t.same(runs.slice(2).map(({ code }) => code), [0, 0])
    const log = runs.map(({ stdout, stderr }) => stdout + stderr).join('')
    const canaries = [ada.password, 'not the password', ada.phone.slice(1), challengeToken, accessToken, accessToken.split('.')[2], env.SECRET, url.password,
      env.JWT_PRIVATE_KEY.split('\n')[1], twilioAccount.authToken, Buffer.from(`${twilioAccount.accountSid}:${twilioAccount.authToken}`).toString('base64')]
    for (const canary of canaries) t.notOk(log.includes(canary ?? 'missing'), `${canary} is not in the log`)
    t.notMatch(log, new RegExp(`(?<![0-9a-f.])${code}(?![0-9a-f])`), 'nor is the code')
  })
}

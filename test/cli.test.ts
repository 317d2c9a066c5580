import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../src/adapters/database.ts'
import { unpackDatabase } from './support/database.ts'
import { ada, otherThan } from './support/start.ts'
import { shownCode, start, startServer } from './support/service.ts'

// A server has the embedded folder; all commands but the last one work through it.
const folder = t.testdir()
const env = { SMS_COUNTRIES: 'US,GB', RESEND_COOLDOWN: '0', LIMIT_TEXTS_PER_PHONE_HOUR: '0', LIMIT_TEXTS_PER_PHONE_DAY: '0' }
// Made already: main.test.ts has a first start from nothing, which takes seconds.
await unpackDatabase(join(folder, 'data/pglite'))
const server = await startServer(t, { folder, env })

const users = (words: string[], input = '') => start(t, 'cli', { folder, env, input }, ...words).ended

/** Logs in, up to the code. */
async function challenge (password: string) {
  const { body: { challengeToken, destination } } = await server.login(ada.username, password)
  return { challengeToken, destination, code: shownCode(server.printed()) }
}
async function tokenOf (password: string): Promise<string> {
  const { challengeToken, code } = await challenge(password)
  return (await server.verify(challengeToken, code)).body.accessToken
}

let password = ada.password

t.test('somebody added while the server runs can log in at once, with the password from standard input less its line end', async t => {
  t.same(await users(['add', ada.username, ada.phone], `${password}\n`), { code: 0, stdout: 'Added ada, whose codes go to +1•••••••43.\n', stderr: '' })
  t.match(await server.me(await tokenOf(password)), { status: 200, body: { username: 'ada', phone: '+1•••••••43' } })
})

t.test('disabling somebody ends the login under way and the tokens that are out; enabling lets them log in anew', async t => {
  const accessToken = await tokenOf(password)
  const { challengeToken, code } = await challenge(password)
  t.match(await users(['disable', 'ADA']), { code: 0, stderr: '' })
  t.match(await server.verify(challengeToken, code), { status: 401, body: { type: /challenge-ended$/ } })
  t.match(await server.me(accessToken), { status: 401, body: { type: /invalid-token$/ } })
  t.match(await server.login(ada.username, password), { status: 401, body: { type: /invalid-credentials$/ } })
  t.match(await users(['list']), { code: 0, stdout: /^ada +\+1•••••••43 +disabled\ndemo +\+1•••••••06 +enabled\n$/ })
  t.same(await users(['enable', 'ada']), { code: 0, stdout: 'Enabled ada.\n', stderr: '' })
  t.match(await server.verify(challengeToken, code), { status: 401 }, 'what was ended stays ended')
  t.match(await server.login(ada.username, password), { status: 200 })
})

t.test('set-locale has somebody texted in their language, shows it in the list, and ends nothing', async t => {
  const accessToken = await tokenOf(password)
  t.same(await users(['set-locale', 'Ada', 'pt-br']), { code: 0, stdout: 'Ada is texted in pt-BR from now on.\n', stderr: '' })
  t.match(await server.me(accessToken), { status: 200 })
  await challenge(password)
  t.match(server.printed(), / é o seu PIN de acesso a sms-login/)
  t.match(await users(['list']), { stdout: /^ada +\+1•••••••43 +enabled +pt-BR\ndemo +\+1•••••••06 +enabled\n$/ })
  t.same(await users(['set-locale', 'ada', 'auto']), { code: 0, stdout: 'ada is texted in the language that the app asks for from now on.\n', stderr: '' })
})

t.test('unlock lets somebody go on who was locked out by wrong codes, and by wrong passwords a minute later', async t => {
  const { challengeToken, code } = await challenge(password)
  for (let i = 0; i < 5; i++) await server.verify(challengeToken, otherThan(code))
  t.match(await server.login(ada.username, password), { status: 429, body: { type: /too-many-attempts$/, reason: 'codes' } })
  t.match(await users(['list']), { stdout: /^ada +\+1•••••••43 +locked\n/ })
  t.same(await users(['unlock', 'Ada']), { code: 0, stdout: 'Unlocked Ada. Where wrong passwords were refused, that may go on for another minute.\n', stderr: '' })
  t.ok(await tokenOf(password))
})

t.test('sessions shows where somebody is logged in, logout ends it', async t => {
  const accessToken = await tokenOf(password)
  t.match(await users(['sessions', 'Ada']), { code: 0, stdout: /^(since \d{4}-\d\d-\d\d \d\d:\d\dZ, last used \d{4}-\d\d-\d\d \d\d:\d\dZ {2}node\n)+$/, stderr: '' })
  t.match(await users(['logout', 'Ada']), { code: 0, stdout: /^Ended \d+ sessions? of Ada\. Other services take/, stderr: '' })
  t.match(await server.me(accessToken), { status: 401, body: { type: /invalid-token$/ } })
  t.same(await users(['sessions', 'ada']), { code: 0, stdout: 'ada is not logged in.\n', stderr: '' })
})

t.test('unlock forgets wrong passwords under each secret that is set, so also in the middle of a change of secrets', async t => {
  const { prisma, close } = await openDatabase(`pglite:${join(folder, 'data/pglite')}`, { join: true, poolSize: 1 })
  t.teardown(close)
  const counted = () => prisma.counter.count({ where: { key: { startsWith: 'password.name:' }, spent: { gt: 0 } } })
  await server.login(ada.username, 'not the password')
  t.equal(await counted(), 1)
  const SECRET = `${randomBytes(32).toString('hex')},${readFileSync(join(folder, 'data/secret'), 'utf8').trim()}`
  t.match(await start(t, 'cli', { folder, env: { ...env, SECRET } }, 'unlock', 'ada').ended, { code: 0, stderr: '' })
  t.equal(await counted(), 0)
})

t.test('after set-phone codes go to the new number and a login under way is over', async t => {
  const { challengeToken, code } = await challenge(password)
  t.same(await users(['set-phone', 'ada', '+447400123456']), { code: 0, stdout: 'Codes for ada go to +44•••••••56 from now on. All sessions have ended.\n', stderr: '' })
  t.match(await server.verify(challengeToken, code), { status: 401, body: { type: /challenge-ended$/ } })
  t.equal((await challenge(password)).destination, '+44•••••••56')
})

t.test('after set-password the old one is wrong; eight emoji are a password, spaces around them a part of it', async t => {
  const old = password
  password = ' 🐫🐢🦀🐙🐞🦉🐝🐌 '
  t.same(await users(['set-password', 'ada'], password), { code: 0, stdout: 'Set a new password for ada. All sessions have ended.\n', stderr: '' })
  t.match(await server.login(ada.username, old), { status: 401 })
  t.match(await server.login(ada.username, password.trim()), { status: 401 })
  t.match(await server.login(ada.username, password), { status: 200 })
})

t.test('what can not be done is refused in one line, exit 1, and nothing has changed; wrong usage is told the right one, exit 2', async t => {
  // Why a phone or a password won't do is told in full by the tests of those rules.
  const refusals: [RegExp, string[], string][] = [
    [/SMS_COUNTRIES does not list \(DE\)/, ['set-phone', 'ada', '+4915123456789'], ''],
    [/common passwords/, ['set-password', 'ada'], 'Password123\n'],
    [/a user named Ada already/, ['add', 'Ada', '+12025550144'], 'a perfectly fine password\n'],
    [/no user named nobody/, ['disable', 'nobody'], ''],
    [/no user named nobody/, ['set-locale', 'nobody', 'de'], ''],
    [/must be auto or one that there are texts in \(en, ar, de, /, ['set-locale', 'ada', 'fi'], ''],
    [/must be auto or one/, ['add', 'grace', '+12025550144', 'pt_BR'], 'a perfectly fine password\n'],
    [/no user named nobody/, ['unlock', 'nobody'], ''],
    [/no user named nobody/, ['sessions', 'nobody'], ''],
    [/no user named nobody/, ['logout', 'nobody'], ''],
    [/no user named two lines/, ['disable', 'two\nlines'], '']
  ]
  const usage = users(['add', 'grace'])
  // Two at a time: as many as there are cores, often.
  while (refusals.length > 0) {
    await Promise.all(refusals.splice(0, 2).map(async ([line, words, input]) => {
      const { code, stdout, stderr } = await users(words, input)
      t.equal(code, 1, words.join(' '))
      t.equal(stdout, '')
      t.match(stderr, line)
      t.equal(stderr.split('\n').length, 2, stderr)
      t.notMatch(stderr, /\d{7}/, 'no whole number')
    }))
  }
  t.match(await usage, { code: 2, stdout: '', stderr: /^Usage: npm run users -- <command>\n\n {2}add <username>/ })
  t.match(await server.login(ada.username, password), { status: 200 })
})

t.test('when no server has the folder a command opens it itself', async t => {
  server.kill('SIGTERM')
  t.match(await server.ended, { code: 0, stderr: '' })
  t.match(await users(['list']), { code: 0, stdout: /^ada +\+44•••••••56 +enabled\ndemo +\+1•••••••06 +enabled\n$/, stderr: '' })
})

t.test('every password that was stored, by the first start or by a command, is argon2id at the cost that OWASP asks for', async t => {
  const { prisma, close } = await openDatabase(`pglite:${join(folder, 'data/pglite')}`)
  t.teardown(close)
  const people = await prisma.user.findMany({ orderBy: { username: 'asc' } })
  t.same(people.map(({ username }) => username), ['ada', 'demo'])
  // A salt of 16 bytes and a tag of 32, in base64 without padding.
  for (const { passwordDigest } of people) t.match(passwordDigest, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
})

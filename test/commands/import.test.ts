import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { unpackDatabase } from '../support/database.ts'
import { foreignHashes } from '../support/foreign-hashes.ts'
import { startProcess } from '../support/start-process.ts'

let close = async () => {}
// tap removes the folder of t.testdir() before it runs what was registered after that call.
t.teardown(() => close())
const folder = t.testdir()
await unpackDatabase(join(folder, 'data/pglite'))
// This process keeps the embedded database open, so that each command starts quickly.
const database = await openDatabase(`pglite:${join(folder, 'data/pglite')}`, {
  join: true,
  poolSize: 1
})
close = database.close
const { prisma } = database
t.beforeEach(async () => {
  await prisma.user.deleteMany()
})

const env = {
  SMS_COUNTRIES: 'US,GB',
  LOG_LEVEL: 'silent',
  ARGON2_MEMORY_KIB: '1024',
  ARGON2_TIME: '1'
}

/** Runs the import of a file with this text. */
function importText(name: string, text: string | Buffer, ...options: string[]) {
  writeFileSync(join(folder, name), text)
  return startProcess(t, 'users', { folder, env }, 'import', name, ...options).ended
}

const hashFrom = (from: string) =>
  foreignHashes.find(entry => entry.from.startsWith(from))?.hash ?? t.bailout(from)
const django = hashFrom('PBKDF2PasswordHasher')
const bcrypt = '$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'
const argon2 =
  '$argon2id$v=19$m=19456,t=2,p=1$' +
  'c29tZXNhbHRzb21lc2FsdA$K1J1tDJRo1PbT9dA9tnT5m5AFWvg2MbvmrxpXjt6XdI'
const ndjson = (rows: object[]) => rows.map(row => JSON.stringify(row)).join('\n')
const lines = (text: string) => text.split('\n').filter(line => /^(line|object) /.test(line))

t.test('a file of twenty users is imported except for its invalid rows', async t => {
  const address = `${'a'.repeat(77)}@example.com`
  const rows = [
    { username: 'ada', passwordHash: bcrypt, phone: '+1 (202) 555-0143' },
    { username: 'grace', passwordHash: django, phone: '202-555-0144' },
    { username: 'alan', passwordHash: argon2, phone: '(202) 555-0145' },
    { username: "o'brien@example.com", passwordHash: bcrypt, phone: '+442071838750' },
    { username: address, passwordHash: bcrypt, phone: '2025550146' },
    { username: 'AT&T', passwordHash: bcrypt },
    { username: 'joan', password: 'a phrase that nobody guesses', phone: '+12025550147' },
    { username: 'edith', passwordHash: bcrypt, locale: 'pt-br', claims: { roles: ['admin'] } },
    { username: 'linus', passwordHash: bcrypt, disabled: true },
    { username: 'barbara', passwordHash: '!unusable', phone: '+12025550148' },
    { username: 'ADA', passwordHash: bcrypt, phone: '+12025550149' },
    { username: 'md5', passwordHash: '5f4dcc3b5aa765d61d8327deb882cf99' },
    { username: 'plain', passwordHash: 'hunter2' },
    { username: 'weak', password: 'password1' },
    { username: 'premium', passwordHash: bcrypt, phone: '+19005550199' },
    { username: 'short', passwordHash: bcrypt, phone: '12' },
    { username: 'two words', passwordHash: bcrypt },
    { username: 'sub', passwordHash: bcrypt, claims: { sub: 'root' } },
    { username: 'surplus', passwordHash: bcrypt, admin: true },
    { username: 'nothing' }
  ]
  const { code, stdout, stderr } = await importText(
    'users.ndjson',
    ndjson(rows),
    '--default-country',
    'us'
  )
  t.equal(code, 1)
  t.equal(stdout, 'Added 10, existing 0, rejected 10.\n')
  t.same(
    lines(stderr).map(line => line.split(': ').slice(0, 2).join(': ')),
    [
      'line 11: username',
      'line 12: passwordHash',
      'line 13: passwordHash',
      'line 14: password',
      'line 15: phone',
      'line 16: phone',
      'line 17: username',
      'line 18: claims',
      'line 19: "admin" is not a field',
      'line 20: passwordHash',
      'line 10: The user has no usable password. Set one to let the user log in.'
    ]
  )
  for (const secret of ['hunter2', 'password1', '5f4dcc3b', '+19005550199', bcrypt])
    t.notOk(stderr.includes(secret), 'no secret is printed')
  const users = await prisma.user.findMany({ orderBy: { usernameKey: 'asc' } })
  const byName = new Map(users.map(user => [user.username, user]))
  t.match(byName.get('grace'), { phone: '+12025550144', passwordKind: /^pbkdf2-sha256:/ })
  t.match(byName.get('alan'), { phone: '+12025550145', passwordDigest: argon2 })
  t.match(byName.get("o'brien@example.com"), { phone: '+442071838750' })
  t.match(byName.get(address), { phone: '+12025550146' })
  t.match(byName.get('edith'), { locale: 'pt-BR', claims: { roles: ['admin'] }, phone: null })
  t.match(byName.get('linus'), { disabled: true })
  t.match(byName.get('joan'), { passwordDigest: /^\$argon2id\$/ })
  t.match(byName.get('barbara'), { passwordKind: 'unusable' })
})

t.test('a repeated import adds only the missing users', async t => {
  const rows = [1, 2, 3].map(n => ({ username: `user${n}`, passwordHash: bcrypt }))
  t.match(await importText('a.ndjson', ndjson(rows.slice(0, 2))), { code: 0, stdout: /^Added 2,/ })
  const before = await prisma.user.findMany({ where: { username: 'user1' } })
  const { code, stdout, stderr } = await importText('a.ndjson', ndjson(rows))
  t.match({ code, stdout }, { code: 0, stdout: 'Added 1, existing 2, rejected 0.\n' })
  t.match(stderr, 'line 1: The user exists already and stays unchanged.')
  t.same(await prisma.user.findMany({ where: { username: 'user1' } }), before)
})

t.test('a dry run reports the same and adds nothing', async t => {
  const text = ndjson([{ username: 'ada', passwordHash: bcrypt }, { username: 'x' }])
  const { code, stdout } = await importText('a.ndjson', text, '--dry-run')
  t.match({ code, stdout }, { code: 1, stdout: 'Would add 1, existing 0, rejected 1.\n' })
  t.equal(await prisma.user.count(), 0)
})

t.test('CSV with a byte order mark, CRLF, quotes and invalid rows is imported', async t => {
  const text =
    '\ufeffusername,passwordHash,phone,claims,disabled\r\n' +
    `ada,${bcrypt},"+1 202 555 0143","{""roles"":[""admin""]}",false\r\n` +
    `grace,${bcrypt}\r\n` +
    `"two\nlines",${bcrypt},,,\r\n` +
    `alan,${bcrypt},,,maybe\r\n` +
    `joan,${bcrypt},,,1\r\n`
  const { code, stdout, stderr } = await importText('users.csv', text)
  t.match({ code, stdout }, { code: 1, stdout: 'Added 2, existing 0, rejected 3.\n' })
  t.match(lines(stderr).sort(), [
    /^line 3 ?: has another number of cells than the header/,
    /^line 5: username: /,
    /^line 6: disabled: /
  ])
  t.match(await prisma.user.findMany({ orderBy: { username: 'asc' } }), [
    { username: 'ada', claims: { roles: ['admin'] }, phone: '+12025550143' },
    { username: 'joan', disabled: true }
  ])
})

t.test('an unknown column is refused before any row is imported', async t => {
  const { code, stderr } = await importText(
    'a.csv',
    `username,passwordHash,role\nada,${bcrypt},x\n`
  )
  t.equal(code, 1)
  t.match(stderr, 'The CSV has a column named "role".')
  t.equal(await prisma.user.count(), 0)
})

t.test("Django's dumpdata output is imported with numbers from another file", async t => {
  const model = (username: string, fields: object = {}) => ({
    model: 'auth.user',
    pk: 1,
    fields: { username, password: django, is_active: true, email: 'x@example.com', ...fields }
  })
  const dump = [
    { model: 'auth.group', pk: 1, fields: { name: 'a {"group"} \\" ]' } },
    model('ada'),
    model('grace', { is_active: false }),
    model('alan', { password: '!QmFy' }),
    model('joan', { password: 'md5$salt$5f4dcc3b5aa765d61d8327deb882cf99' })
  ]
  writeFileSync(join(folder, 'phones.csv'), 'username,phone\nada,020 7183 8750\n')
  const options = ['--format', 'django', '--phones', 'phones.csv', '--default-country', 'GB']
  for (const text of [JSON.stringify(dump), JSON.stringify(dump, null, 2)]) {
    await prisma.user.deleteMany()
    const { code, stdout, stderr } = await importText('dump.json', text, ...options)
    t.match({ code, stdout }, { code: 1, stdout: 'Added 3, existing 0, rejected 1.\n' })
    t.match(stderr, /^object 5: passwordHash: The hash is MD5, which is too weak/m)
    t.match(await prisma.user.findMany({ orderBy: { username: 'asc' } }), [
      { username: 'ada', phone: '+442071838750', disabled: false },
      { username: 'alan', phone: null, passwordKind: 'unusable' },
      { username: 'grace', phone: null, disabled: true }
    ])
  }
})

t.test('a hostile file adds nothing invalid', async t => {
  const text = Buffer.concat([
    Buffer.from('{"username":"'),
    Buffer.from([0xe9]),
    Buffer.from('"}\n'),
    Buffer.from('\n  \n[1]\n"x"\n{"username":"a\\u0000b","passwordHash":"x"}\n'),
    Buffer.from('{"username":"\\ud800","passwordHash":"x"}\n{"__proto__":1}\n{"username":7}\n'),
    Buffer.from(`{"username":"${'x'.repeat(1_000_000)}"}\n`),
    Buffer.from(JSON.stringify({ username: 'last', passwordHash: bcrypt }))
  ])
  const { code, stdout, stderr } = await importText('a.ndjson', text)
  t.match({ code, stdout }, { code: 1, stdout: 'Added 1, existing 0, rejected 8.\n' })
  t.match(lines(stderr), [
    'line 1: is not valid UTF-8',
    'line 4: is not a JSON object',
    'line 5: is not a JSON object',
    /^line 6: username: /,
    /^line 7: username: /,
    'line 8: "__proto__" is not a field',
    /^line 9: username: /,
    'line 10: is longer than 65536 bytes'
  ])
})

t.test('wrong usage and missing files print one line', async t => {
  const missing = startProcess(t, 'users', { folder, env }, 'import', 'missing.csv').ended
  t.match(await missing, { code: 1, stderr: "missing.csv can't be read: there is no such file." })
  for (const options of [
    ['--format', 'xml'],
    ['--default-country', 'Atlantis'],
    ['--phones', 'phones.csv']
  ]) {
    const { code, stderr } = await importText('a.ndjson', '', ...options)
    t.equal(code, 2)
    t.match(stderr, options[0])
    t.equal(stderr.trim().split('\n').length, 1)
  }
})

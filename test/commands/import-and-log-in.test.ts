import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { createPasswords } from '../../src/adapters/secrets/passwords.ts'
import { unpackDatabase } from '../support/database.ts'
import { foreignHashes } from '../support/foreign-hashes.ts'
import { printedCode, startProcess, startServer } from '../support/start-process.ts'

/** Returns a hash of another system. `index` selects one of several of the same kind. */
function foreign(kind: string, index = 0): { hash: string; password: string } {
  const found = foreignHashes.filter(candidate => candidate.kind === kind)[index]
  if (found === undefined) throw new Error(`there is no hash of the kind ${kind}`)
  return found
}

const cheap = createPasswords({ memoryKib: 4096, time: 1, concurrency: 1, queue: 1 })
const cheapArgon2 = {
  password: 'four mebibytes once',
  hash: await cheap.hash('four mebibytes once')
}
const djangoArgon2 = { ...cheapArgon2, hash: `argon2${cheapArgon2.hash}` }
const address = `${'a'.repeat(77)}@example.com`

/** The username, the hash and the number of each of twenty users, as in a spreadsheet. */
const table: [username: string, { hash: string; password: string }, phone: string][] = [
  ['ada', foreign('pbkdf2-sha256:260000'), '+1 (202) 555-0143'],
  ['Grace.Hopper', foreign('pbkdf2-sha256:260000', 1), '202-555-0144'],
  ['alan_turing', foreign('pbkdf2-sha1:260000'), '(202) 555 0145'],
  ['edsger', foreign('pbkdf2-sha256:1000000'), '202.555.0146'],
  ["o'brien@example.com", foreign('bcrypt-sha256:12'), '+44 7400 123456'],
  [address, foreign('bcrypt:12'), '1-202-555-0147'],
  ['zoë', foreign('bcrypt:12', 1), '2025550148'],
  ['AT&T', foreign('bcrypt:7'), '+12025550149'],
  ['U*U', foreign('bcrypt:5'), '+1.202.555.0150'],
  ['joan+login@example.com', foreign('bcrypt:5', 1), '1 (202) 5550151'],
  ['42', cheapArgon2, '202 555 0152'],
  ['barbara@Example.COM', djangoArgon2, ' 202-555-0153 '],
  ['margaret', foreign('argon2id:m=102400,t=2,p=8'), '2025550154'],
  ['katherine', foreign('scrypt:ln=14,r=8,p=5'), '202/555-0155'],
  ['donald', foreign('scrypt:ln=14,r=8,p=1'), '+44 (0)7400 123457'],
  ['李雷', foreign('firescrypt:ln=14,r=8,p=1'), '2025550156'],
  ['frances', foreign('firescrypt:ln=14,r=8,p=1', 1), '2025550157'],
  ['radia', foreign('pbkdf2-sha256:27500'), '2025550158'],
  ['leslie', foreign('pbkdf2-sha512:210000'), '2025550159'],
  ['-hyphen', foreign('pbkdf2-sha256:1000000', 1), '2025550160']
]

/** This user's hash costs more than new ones, so it is not replaced. */
const costlier = 'margaret'

const folder = t.testdir()

t.test('twenty imported users log in twice with their old passwords', async t => {
  await unpackDatabase(join(folder, 'data/pglite'))
  const env = { SMS_COUNTRIES: 'US,GB', RESEND_COOLDOWN: '0', LIMIT_IP_PER_MINUTE: '0' }
  const server = await startServer(t, { folder, env })
  const { prisma, close } = await openDatabase(`pglite:${join(folder, 'data/pglite')}`, {
    join: true,
    poolSize: 1
  })
  t.teardown(close)
  const digestsNow = async () => {
    const users = await prisma.user.findMany({ where: { username: { not: 'demo' } } })
    return new Map(users.map(user => [user.username, user.passwordDigest]))
  }
  t.equal(address.length, 89)

  const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`
  const csv = [
    ['phone', 'username', 'passwordHash'],
    ...table.map(([username, { hash }, phone]) => [phone, username, hash].map(quoted))
  ]
  writeFileSync(join(folder, 'users.csv'), `\ufeff${csv.map(row => row.join(',')).join('\r\n')}`)
  const args = ['import', 'users.csv', '--default-country', 'US']
  const { code, stdout, stderr } = await startProcess(t, 'users', { folder, env }, ...args).ended
  t.match({ code, stdout }, { code: 0, stdout: 'Added 20, existing 0, rejected 0.\n' }, stderr)
  const imported = await digestsNow()
  t.same([...imported.keys()].sort(), table.map(([username]) => username).sort())
  const current = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/
  for (const [username, digest] of imported) t.notMatch(digest, current, username)

  for (const spelling of ['toString', 'toUpperCase'] as const)
    for (const [username, { password }, phone] of table) {
      const { status, body } = await server.login(username[spelling](), password)
      t.match({ status, body }, { status: 200, body: { sent: true } }, username)
      t.equal(body.destination.slice(-2), phone.trim().slice(-2))
      const verified = await server.verify(body.challengeToken, printedCode(server.printed()))
      t.equal(verified.status, 200, username)
      t.match(await server.me(verified.body.accessToken), { status: 200, body: { username } })
    }

  for (const [username, digest] of await digestsNow())
    if (username === costlier) t.equal(digest, imported.get(username))
    else t.match(digest, current, `${username} has an argon2id hash of the current cost`)
})

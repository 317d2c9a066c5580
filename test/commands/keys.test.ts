import { createHash, createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import t, { type Test } from 'tap'
import { unpackDatabase } from '../support/database.ts'
import { startProcess, startServer } from '../support/start-process.ts'

const usage = /^Usage: npm run keys -- <command>\n\n {2}new \[EC\|Ed25519\|RSA\] \[<file>\]/

/**
 * A folder, the command in it, and a check that what it prints holds nothing of any private key.
 */
function operator(t: Test, env: Record<string, string> = {}) {
  const folder = t.testdir()
  const read = (file: string) => readFileSync(join(folder, file), 'utf8')
  return {
    folder,
    read,
    mode: (file: string) => (statSync(join(folder, file)).mode & 0o777).toString(8),
    async keys(...words: string[]) {
      const ended = await startProcess(t, 'keys', { folder, env }, ...words).ended
      const pems = readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter(file => file.endsWith('.pem'))
        .map(read)
      for (const secret of [...pems, env['JWT_PRIVATE_KEY'] ?? ''].flatMap(secretsIn))
        t.notOk((ended.stdout + ended.stderr).includes(secret), 'no private key is printed')
      return ended
    }
  }
}

/** The lines of PEM blocks, and the private parts of a JWK. */
const secretsIn = (pem: string) =>
  (pem.replaceAll('\\n', '\n').match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).flatMap(
    block => {
      const { d = '', p = '', q = '' } = createPrivateKey(block).export({ format: 'jwk' })
      return [...block.split('\n'), d, p, q].filter(line => line.length > 20)
    }
  )

/** The values of JWT_PRIVATE_KEY that a recipe gives, as a .env file reads them. */
const recipe = (printed: string) =>
  [...printed.matchAll(/JWT_PRIVATE_KEY=.*$/gm)].map(
    ([line]) => parseEnv(line)['JWT_PRIVATE_KEY'] ?? ''
  )

const madeIn = (printed: string) =>
  /^Made (.+): (\w+), kid (\S+)\.$/m.exec(printed)?.slice(1) as [
    file: string,
    alg: string,
    kid: string
  ]

t.test(
  'following the printed steps publishes the new key, then signs with it, then retires the old one',
  async t => {
    const { folder, keys, mode } = operator(t)
    t.same(await keys('list'), {
      code: 0,
      stdout: 'There is no key yet: the first start generates data/jwt-private-key.pem.\n',
      stderr: ''
    })
    t.same(readdirSync(folder), [], 'and none was made')

    /** What a server with this setting publishes. */
    const published = async (setting?: string) => {
      const server = await startServer(t, {
        folder,
        env: setting === undefined ? {} : { JWT_PRIVATE_KEY: setting }
      })
      const { body } = await server.jwks()
      server.kill('SIGTERM')
      await server.ended
      return body.keys.map(({ kid }: { kid: string }) => kid)
    }
    // Made already: main.test.ts has a first start from nothing, which takes seconds.
    await unpackDatabase(join(folder, 'data/pglite'))
    const [old] = await published()
    t.match(await keys('list'), {
      code: 0,
      stdout: `signs      ES256  ${old}  data/jwt-private-key.pem\n`,
      stderr: ''
    })

    const { code, stdout, stderr } = await keys('new')
    t.match({ code, stderr }, { code: 0, stderr: '' })
    const [file, alg, kid] = madeIn(stdout)
    t.match({ file, alg }, { file: /^data\/jwt-private-key-.{8}\.pem$/, alg: 'ES256' })
    t.equal(mode(file), '600')
    const [publish, sign, retire, ...more] = recipe(stdout)
    t.same(more, [])
    t.equal(publish, `file:data/jwt-private-key.pem,file:${file}`)
    t.match(
      stdout,
      /1\. Publish [^]*Wait 300 seconds[^]*2\. Sign [^]*Wait 900 seconds[^]*3\. Retire [^]*delete data\/jwt-private-key\.pem\.\n$/
    )
    t.same(await published(publish), [old, kid])
    t.same(await published(sign), [kid, old])
    t.same(await published(retire), [kid])
  }
)

t.test('new writes each kind of key to the given file, readable by its owner only', async t => {
  const { folder, keys, mode, read } = operator(t)
  const kinds = { EC: ['ES256', 'ec'], Ed25519: ['EdDSA', 'ed25519'], RSA: ['RS256', 'rsa'] }
  for (const [kind, [alg, type]] of Object.entries(kinds)) {
    const file = `keys/of ours/${kind}.pem`
    const { code, stdout, stderr } = await keys('new', kind.toLowerCase(), file)
    t.equal(code, 0)
    t.match(stderr, kind === 'Ed25519' ? /^Warning: .*8 of 20.*ES256.*\n$/ : /^$/, kind)
    t.match(madeIn(stdout), [file, alg])
    const key = createPrivateKey(read(file))
    t.match(read(file), /^-----BEGIN PRIVATE KEY-----\n/)
    t.equal(key.asymmetricKeyType, type)
    if (type === 'rsa') t.equal(key.asymmetricKeyDetails?.modulusLength, 3072)
    t.same([mode('keys'), mode('keys/of ours'), mode(file)], ['700', '700', '600'])
    t.same(recipe(stdout), [`file:${file}`], 'nothing signs yet, so there is nothing to rotate')
  }
  t.same(
    readdirSync(join(folder, 'keys/of ours')).sort(),
    ['EC.pem', 'Ed25519.pem', 'RSA.pem'],
    'and nothing else is left there'
  )
})

t.test('the printed steps name the configured key files and token lifetime', async t => {
  const env = { JWT_PRIVATE_KEY: 'file:one.pem, file:two.pem', ACCESS_TOKEN_TTL: '1200' }
  const { folder, keys } = operator(t, env)
  for (const file of ['one.pem', 'two.pem']) writeFileSync(join(folder, file), pem('ed25519'))
  const { stdout } = await keys('new', 'EC', 'three.pem')
  t.same(recipe(stdout), [
    'file:one.pem,file:two.pem,file:three.pem',
    'file:three.pem,file:one.pem,file:two.pem',
    'file:three.pem'
  ])
  t.match(
    stdout,
    /\nFirst make all services that verify tokens accept ES256 in addition to EdDSA\.\n/
  )
  t.match(stdout, /Wait 1200 seconds[^]*delete one\.pem and two\.pem\./)
  t.notMatch((await keys('new', 'Ed25519', 'four.pem')).stdout, 'First make')
})

t.test(
  'the printed steps explain how to edit a key that JWT_PRIVATE_KEY itself contains',
  async t => {
    const { keys } = operator(t, { JWT_PRIVATE_KEY: pem('ec').replaceAll('\n', '\\n') })
    const { code, stdout } = await keys('new', 'EC', 'new.pem')
    t.equal(code, 0)
    t.match(
      stdout,
      /1\. [^]*append the text of new\.pem[^]*2\. [^]*from the end to the beginning[^]*3\. [^]*JWT_PRIVATE_KEY=file:new\.pem\n$/
    )
    t.same(recipe(stdout), ['file:new.pem'])
  }
)

t.test('list shows the keys in order, with their source and the next step', async t => {
  const { folder, keys } = operator(t, {
    JWT_PRIVATE_KEY: 'file:both.pem,file:rsa.pem',
    ACCESS_TOKEN_TTL: '60'
  })
  writeFileSync(join(folder, 'both.pem'), pem('ed25519') + pem('ec'))
  writeFileSync(join(folder, 'rsa.pem'), pem('rsa'))
  const { code, stdout, stderr } = await keys('list')
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.match(
    stdout,
    /^signs {6}EdDSA {2}[\w-]{43} {2}both\.pem\npublished {2}ES256 {2}[\w-]{43} {2}both\.pem\npublished {2}RS256 {2}[\w-]{43} {2}rsa\.pem\n\n/
  )
  t.match(
    stdout,
    /for 300 seconds, put it first\.\n.*for 300 seconds, remove the others\.\n$/,
    'receipts live longer than these access tokens'
  )

  const inline = await operator(t, { JWT_PRIVATE_KEY: pem('ec') }).keys('list')
  t.match(inline, {
    code: 0,
    stdout: /^signs {6}ES256 {2}[\w-]{43} {2}in JWT_PRIVATE_KEY\n$/,
    stderr: ''
  })
})

t.test('new api prints a key once, its hash, and how to rotate to it', async t => {
  const { folder, keys } = operator(t)
  const { code, stdout, stderr } = await keys('new', 'api')
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const [, key = '', hash = ''] =
    /^API key: (\S+)\nSHA-256: ([0-9a-f]{64})\n[^]*\nOn all servers: API_KEY_HASHES=\2\n$/.exec(
      stdout
    ) ?? []
  t.match(key, /^sms-login_[\w-]{43}$/, '256 random bits')
  t.equal(hash, createHash('sha256').update(key).digest('hex'))
  t.equal(stdout.split(key).length, 2, 'printed once')
  t.not((await keys('new', 'API')).stdout, stdout)
  t.same(readdirSync(folder), [], 'and stored nowhere')

  // The hashes that a server has, in either case and in a file.
  const current = [hash.toUpperCase(), 'a'.repeat(64)]
  for (const env of [{ API_KEY_HASHES: current.join(', ') }, { API_KEY_HASHES_FILE: 'hashes' }]) {
    const { folder, keys } = operator(t, { ADMIN_PORT: '3001', ...env })
    writeFileSync(join(folder, 'hashes'), `${current.join(',')}\n`)
    const rotation = (await keys('new', 'api')).stdout
    const [, next] = /^SHA-256: (.*)$/m.exec(rotation) ?? []
    t.same(
      [...rotation.matchAll(/API_KEY_HASHES=(.*)$/gm)].map(([, value]) => value),
      [`${hash},${current[1]},${next}`, next],
      'the second step changes no variable'
    )
  }
  // The first key is made before API_KEY_HASHES can be set.
  t.match(await operator(t, { ADMIN_PORT: '3001' }).keys('new', 'api'), { code: 0 })
})

t.test('a failed command prints one line, exits 1 and writes nothing', async t => {
  const { folder, keys, read } = operator(t)
  writeFileSync(join(folder, 'here.pem'), 'mine')
  mkdirSync(join(folder, 'folder'))
  mkdirSync(join(folder, 'data'))
  writeFileSync(join(folder, 'data/secret'), 'mine')
  const refused = async (line: RegExp, words: string[], env: Record<string, string> = {}) =>
    t.match(
      await startProcess(t, 'keys', { folder, env }, ...words).ended,
      { code: 1, stdout: '', stderr: new RegExp(`^keys: ${line.source}\n$`) },
      words.join(' ')
    )
  await refused(/here\.pem already exists and was not changed\./, ['new', 'EC', 'here.pem'])
  t.equal(read('here.pem'), 'mine')
  t.equal((await keys('new', 'EC', 'made.pem')).code, 0)
  const made = read('made.pem')
  await refused(/made\.pem already exists and was not changed\./, ['new', 'EC', 'made.pem'])
  t.equal(read('made.pem'), made)
  await refused(/.* comma.*/, ['new', 'EC', 'a,b.pem'])
  await refused(/folder already exists.*/, ['new', 'EC', 'folder'])
  await refused(/E\w+: .*/, ['new', 'EC', 'data/secret/new.pem'])
  await refused(/JWT_PRIVATE_KEY must be .*/, ['new'], { JWT_PRIVATE_KEY: 'file:here.pem' })
  await refused(/JWT_PRIVATE_KEY names a file that cannot be read/, ['list'], {
    JWT_PRIVATE_KEY: 'file:nowhere.pem'
  })
  await refused(/JWT_PRIVATE_KEY must be set when NODE_ENV is production/, ['list'], {
    NODE_ENV: 'production',
    DATABASE_URL: 'postgresql://db.internal/login'
  })
  t.same(readdirSync(folder).sort(), ['data', 'folder', 'here.pem', 'made.pem'])
  t.same(readdirSync(join(folder, 'data')), ['secret'])
})

t.test('wrong usage prints the usage, exits 2 and writes nothing', async t => {
  const { folder, keys } = operator(t)
  for (const words of [
    [],
    ['make'],
    ['toString'],
    ['new', 'P-384'],
    ['new', 'new.pem'],
    ['new', 'EC', 'a.pem', 'b.pem'],
    ['new', 'EC', '--force'],
    ['new', '--help'],
    ['new', 'api', 'api.txt'],
    ['list', 'all']
  ]) {
    t.match(await keys(...words), { code: 2, stdout: '', stderr: usage }, words.join(' '))
  }
  t.same(readdirSync(folder), [])
})

function pem(type: 'ec' | 'ed25519' | 'rsa') {
  const { privateKey } =
    type === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : type === 'rsa'
        ? generateKeyPairSync('rsa', { modulusLength: 3072 })
        : generateKeyPairSync('ed25519')
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
}

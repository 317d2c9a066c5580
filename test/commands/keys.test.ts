import { createHash, createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import t, { type Test } from 'tap'
import { unpackDatabase } from '../support/database.ts'
import { startProcess, startServer } from '../support/start-process.ts'

const usage = /^Usage: npm run keys -- <command>\n\n {2}new \[EC\|Ed25519\|RSA\] \[<file>\]/

/**
 * Creates a folder and a function that runs `keys` in it and asserts that no private key is
 * printed.
 */
function createOperator(t: Test, env: Record<string, string> = {}) {
  const folder = t.testdir()
  const read = (file: string) => readFileSync(join(folder, file), 'utf8')
  return {
    folder,
    read,
    mode: (file: string) => (statSync(join(folder, file)).mode & 0o777).toString(8),
    async keys(...args: string[]) {
      const ended = await startProcess(t, 'keys', { folder, env }, ...args).ended
      const pems = readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter(file => file.endsWith('.pem'))
        .map(read)
      for (const secret of [...pems, env['JWT_PRIVATE_KEY'] ?? ''].flatMap(secretsIn))
        t.notOk((ended.stdout + ended.stderr).includes(secret), 'no private key is printed')
      return ended
    }
  }
}

/** The lines of PEM blocks and the private members of their JWKs. */
const secretsIn = (pem: string) =>
  (pem.replaceAll('\\n', '\n').match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).flatMap(
    block => {
      const { d = '', p = '', q = '' } = createPrivateKey(block).export({ format: 'jwk' })
      return [...block.split('\n'), d, p, q].filter(line => line.length > 20)
    }
  )

/** The values of JWT_PRIVATE_KEY in the printed steps, parsed as in a .env file. */
const keySettings = (printed: string) =>
  [...printed.matchAll(/JWT_PRIVATE_KEY=.*$/gm)].map(
    ([line]) => parseEnv(line)['JWT_PRIVATE_KEY'] ?? ''
  )

/** The file, algorithm and key id that `new` prints. */
const createdKey = (printed: string) =>
  /^Made (.+): (\w+), kid (\S+)\.$/m.exec(printed)?.slice(1) as [
    file: string,
    alg: string,
    kid: string
  ]

t.test(
  'the printed steps publish the new key, then sign with it, then retire the old key',
  async t => {
    const { folder, keys, mode } = createOperator(t)
    t.same(await keys('list'), {
      code: 0,
      stdout: 'There is no key yet: the first start generates data/jwt-private-key.pem.\n',
      stderr: ''
    })
    t.same(readdirSync(folder), [], 'no key was generated')

    /** The ids of the keys that a server with this setting publishes. */
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
    // An existing database, because creating one takes seconds. main.test.ts tests a first start.
    await unpackDatabase(join(folder, 'data/pglite'))
    const [old] = await published()
    t.match(await keys('list'), {
      code: 0,
      stdout: `signs      ES256  ${old}  data/jwt-private-key.pem\n`,
      stderr: ''
    })

    const { code, stdout, stderr } = await keys('new')
    t.match({ code, stderr }, { code: 0, stderr: '' })
    const [file, alg, kid] = createdKey(stdout)
    t.match({ file, alg }, { file: /^data\/jwt-private-key-.{8}\.pem$/, alg: 'ES256' })
    t.equal(mode(file), '600')
    const [publish, sign, retire, ...more] = keySettings(stdout)
    t.same(more, [])
    t.equal(publish, `file:data/jwt-private-key.pem,file:${file}`)
    t.match(
      stdout,
      new RegExp(
        '1\\. Publish [^]*Wait 300 seconds[^]*2\\. Sign [^]*Wait 900 seconds[^]*' +
          '3\\. Retire [^]*delete data/jwt-private-key\\.pem\\.\\n$'
      )
    )
    t.same(await published(publish), [old, kid])
    t.same(await published(sign), [kid, old])
    t.same(await published(retire), [kid])
  }
)

t.test('new writes each kind of key to the given file, readable by its owner only', async t => {
  const { folder, keys, mode, read } = createOperator(t)
  const kinds = { EC: ['ES256', 'ec'], Ed25519: ['EdDSA', 'ed25519'], RSA: ['RS256', 'rsa'] }
  for (const [kind, [alg, type]] of Object.entries(kinds)) {
    const file = `keys/own keys/${kind}.pem`
    const { code, stdout, stderr } = await keys('new', kind.toLowerCase(), file)
    t.equal(code, 0)
    t.match(stderr, kind === 'Ed25519' ? /^Warning: .*8 of 20.*ES256.*\n$/ : /^$/, kind)
    t.match(createdKey(stdout), [file, alg])
    const key = createPrivateKey(read(file))
    t.match(read(file), /^-----BEGIN PRIVATE KEY-----\n/)
    t.equal(key.asymmetricKeyType, type)
    if (type === 'rsa') t.equal(key.asymmetricKeyDetails?.modulusLength, 3072)
    t.same([mode('keys'), mode('keys/own keys'), mode(file)], ['700', '700', '600'])
    t.same(keySettings(stdout), [`file:${file}`], 'no key signs yet, so there is no rotation')
  }
  t.same(
    readdirSync(join(folder, 'keys/own keys')).sort(),
    ['EC.pem', 'Ed25519.pem', 'RSA.pem'],
    'no other file is left'
  )
})

t.test('the printed steps name the configured key files and token lifetime', async t => {
  const env = { JWT_PRIVATE_KEY: 'file:one.pem, file:two.pem', ACCESS_TOKEN_TTL: '1200' }
  const { folder, keys } = createOperator(t, env)
  for (const file of ['one.pem', 'two.pem']) writeFileSync(join(folder, file), pem('ed25519'))
  const { stdout } = await keys('new', 'EC', 'three.pem')
  t.same(keySettings(stdout), [
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
    const { keys } = createOperator(t, { JWT_PRIVATE_KEY: pem('ec').replaceAll('\n', '\\n') })
    const { code, stdout } = await keys('new', 'EC', 'new.pem')
    t.equal(code, 0)
    t.match(
      stdout,
      new RegExp(
        '1\\. [^]*append the text of new\\.pem[^]*2\\. [^]*from the end to the beginning[^]*' +
          '3\\. [^]*JWT_PRIVATE_KEY=file:new\\.pem\\n$'
      )
    )
    t.same(keySettings(stdout), ['file:new.pem'])
  }
)

t.test('list shows the keys in order, with their source and the next step', async t => {
  const { folder, keys } = createOperator(t, {
    JWT_PRIVATE_KEY: 'file:both.pem,file:rsa.pem',
    ACCESS_TOKEN_TTL: '60'
  })
  writeFileSync(join(folder, 'both.pem'), pem('ed25519') + pem('ec'))
  writeFileSync(join(folder, 'rsa.pem'), pem('rsa'))
  const { code, stdout, stderr } = await keys('list')
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.match(
    stdout,
    new RegExp(
      '^signs {6}EdDSA {2}[\\w-]{43} {2}both\\.pem\\n' +
        'published {2}ES256 {2}[\\w-]{43} {2}both\\.pem\\n' +
        'published {2}RS256 {2}[\\w-]{43} {2}rsa\\.pem\\n\\n'
    )
  )
  t.match(
    stdout,
    /for 300 seconds, put it first\.\n.*for 300 seconds, remove the others\.\n$/,
    'receipts expire later than these access tokens'
  )

  const inline = await createOperator(t, { JWT_PRIVATE_KEY: pem('ec') }).keys('list')
  t.match(inline, {
    code: 0,
    stdout: /^signs {6}ES256 {2}[\w-]{43} {2}in JWT_PRIVATE_KEY\n$/,
    stderr: ''
  })
})

t.test('new api prints a key once, its hash, and how to rotate to it', async t => {
  const { folder, keys } = createOperator(t)
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
  t.same(readdirSync(folder), [], 'the key is not stored')

  // Hashes in uppercase and hashes in a file.
  const current = [hash.toUpperCase(), 'a'.repeat(64)]
  for (const env of [{ API_KEY_HASHES: current.join(', ') }, { API_KEY_HASHES_FILE: 'hashes' }]) {
    const { folder, keys } = createOperator(t, { ADMIN_PORT: '3001', ...env })
    writeFileSync(join(folder, 'hashes'), `${current.join(',')}\n`)
    const rotation = (await keys('new', 'api')).stdout
    const [, next] = /^SHA-256: (.*)$/m.exec(rotation) ?? []
    t.same(
      [...rotation.matchAll(/API_KEY_HASHES=(.*)$/gm)].map(([, value]) => value),
      [`${hash},${current[1]},${next}`, next],
      'one setting for each step'
    )
  }
  // The first key is generated before API_KEY_HASHES can be set.
  t.match(await createOperator(t, { ADMIN_PORT: '3001' }).keys('new', 'api'), { code: 0 })
})

t.test('a failed command prints one line, exits 1 and writes nothing', async t => {
  const { folder, keys, read } = createOperator(t)
  writeFileSync(join(folder, 'here.pem'), 'mine')
  mkdirSync(join(folder, 'folder'))
  mkdirSync(join(folder, 'data'))
  writeFileSync(join(folder, 'data/secret'), 'mine')
  const refused = async (line: RegExp, args: string[], env: Record<string, string> = {}) =>
    t.match(
      await startProcess(t, 'keys', { folder, env }, ...args).ended,
      { code: 1, stdout: '', stderr: new RegExp(`^keys: ${line.source}\n$`) },
      args.join(' ')
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
  const { folder, keys } = createOperator(t)
  for (const args of [
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
    t.match(await keys(...args), { code: 2, stdout: '', stderr: usage }, args.join(' '))
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

import { spawnSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import manifest from '../package.json' with { type: 'json' }
import { readConfig } from '../src/config/config.ts'
import { createEmptyDatabase, needsServer, unpackDatabase } from './support/database.ts'
import { blocksOf, documents, root, readText } from './support/documents.ts'
import { startServer, startProgram } from './support/start-process.ts'
import { startApp } from './support/start-app.ts'
import { twilioAccount } from './support/twilio-stand-in.ts'

// Every command in every document is run by a test. This file runs the blocks named below exactly
// as printed, except for host names and secrets. The tables name the tests that run the others.

/** Returns the shell blocks of a document without their indentation. */
const shellBlocksOf = (document: string) =>
  [...readText(document).matchAll(/^( *)```sh\n([^]*?)^ *```$/gm)].map(
    ([, indent = '', text = '']) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), '')
  )

/** Returns the only block of a document with this beginning. */
function block(document: string, beginning: string): string {
  const found = shellBlocksOf(document).filter(text => text.startsWith(beginning))
  if (found[0] === undefined || found.length > 1)
    throw new Error(`${document} has ${found.length} blocks that begin with ${beginning}`)
  return found[0]
}
/** Returns the commands of a block without comments. */
const commandsOf = (text: string) =>
  text
    .split('\n')
    .map(line => line.replace(/(^|\s+)# .*$/, '').trim())
    .filter(line => line !== '')

const deployment = 'docs/deployment.md'
const key = block(deployment, 'npm ci --include=dev')
const settings = block(deployment, 'export NODE_ENV=production')
const rollout = block(deployment, 'npm run migrate')
const operations = 'docs/operations.md'
const health = block(operations, 'curl -sS http://127.0.0.1:3000/livez')
const searches = [operations, 'docs/delivery.md']
  .flatMap(shellBlocksOf)
  .filter(text => text.startsWith('grep '))
const locked = block(operations, 'npm run users -- show')
const sharedLimits = block(operations, 'npm run limits -- show ip')
const userCommands = block(operations, 'npm run users -- add')
const deletion = block('docs/deleting-users.md', 'npm run users -- delete')
const audited = block(operations, 'npm run users -- unlock ada 2>>')
const keys = block(operations, 'npm run keys')
const template = block('docs/confirmations.md', 'CONFIRMATION_TEMPLATES=')
const token = block('docs/verifying-tokens.md', 'printf %s "$TOKEN"')
const claims = block('docs/claims.md', 'npm run users -- set-claims')
const adminApi = 'docs/admin-api.md'
const runHere = [
  ...[
    key,
    settings,
    rollout,
    health,
    ...searches,
    locked,
    sharedLimits,
    userCommands,
    audited,
    deletion,
    keys,
    template,
    token,
    claims,
    ...shellBlocksOf(adminApi)
  ].flatMap(commandsOf),
  'openssl rand -hex 32', // A part of `settings`.
  'npm run dev',
  'npm run migrate:new -- add_something'
]

/** The files that run the other commands, and the text in the file that does it. */
const runElsewhere: Record<string, [file: string, text: RegExp]> = {
  'npm ci': ['.ci/run', /^step 'npm ci' npm ci$/m],
  'npm ci --include=dev': ['.ci/run', /^step 'npm ci' npm ci$/m],
  'npm start': ['test/main.test.ts', /await startUnconfigured\(t, folder\)/],
  'CORS_ORIGINS=http://localhost:5173 npm start': ['test/http/cors.test.ts', /corsOrigins: listed/],
  'npm install openapi-fetch': ['package.json', /"openapi-fetch": "/],
  'sh examples/login.sh': ['test/examples/login-sh.test.ts', /\['sh', 'bash'\]/],
  'SMS_LOGIN_URL=https://login.example.com sh examples/login.sh': [
    'test/browser/same-server.test.ts',
    /SMS_LOGIN_URL: server\.url/
  ],
  'npm run users -- add reviewer +12025550123': [
    'test/commands/test-numbers.test.ts',
    /await users\(\['add', 'reviewer', /
  ],
  'npm run users -- import users.ndjson --dry-run': [
    'test/commands/import.test.ts',
    /importText\('a\.ndjson', text, '--dry-run'\)/
  ],
  'npm run users -- import users.ndjson': [
    'test/commands/import.test.ts',
    /await importText\('a\.ndjson', ndjson\(rows\)\)/
  ],
  'npm run users -- import users.json --format django --phones phones.csv --default-country GB': [
    'test/commands/import.test.ts',
    /'--format', 'django', '--phones', 'phones\.csv', '--default-country', 'GB'/
  ],
  'npm ci --prefix examples/backend': [
    '.ci/run',
    /for folder in examples\/backend [^]*npm ci --prefix "\$folder"/
  ],
  'SMS_LOGIN_API_KEY=sms-login_… node examples/backend/express.js': [
    'test/examples/backend.test.ts',
    /\[`\$\{framework\}\.js`\]/
  ],
  'npm run users -- set-claims demo \'{"roles": ["admin"]}\'': [
    'test/commands/manage-users.test.ts',
    /users\('set-claims', 'Ada', json\)/
  ],
  'curl -sS http://127.0.0.1:4000/profile -H "authorization: Bearer $TOKEN"': [
    'test/examples/backend.test.ts',
    /request\('GET', '\/profile', ada\)/
  ],
  'npm test': ['.ci/run', /TEST_DATABASE_URL= npm test$/m],
  'npm run check': ['package.json', /"check": "npm run lint && npm run typecheck && npm test"/],
  'npx tap run test/attacks/replay.test.ts': ['.ci/run', /npx tap run test\/main\.test\.ts/],
  ['TEST_DATABASE_URL=postgresql://postgres@127.0.0.1:5432/postgres ' +
  'npx tap run test/attacks/replay.test.ts']: [
    '.ci/run',
    /TEST_DATABASE_URL="\$server" npm run test:server/
  ],
  'npx tap run test/attacks/replay.test.ts --grep="/backup/"': [
    'test/attacks/replay.test.ts',
    /t\.test\(\s*'.*backup/
  ],
  'npx tap run test/domain.test.ts': ['.taprc', /- test\/\*\.test\.ts/],
  'npm ci --prefix test/browser': ['.ci/run', /for folder in .*test\/browser[^]*npm ci --prefix/],
  'npm run docs:openapi': ['test/examples/client.test.ts', /manifest\.scripts\[.docs:openapi/],
  'npm run docs:postman': ['test/examples/postman.test.ts', /await postmanFiles\(/],
  'npm run docs:problems': ['test/scripts-anywhere.test.ts', /scripts\/make-error-docs\.ts/],
  'npm run test:coverage': ['.ci/run', / TAP_DISABLE_COVERAGE=0 .* npm test$/m],
  'npm run test:browser': ['.ci/run', / npm run test:browser &&/],
  'npm run docs:screenshots': ['.ci/run', /&& npm run docs:screenshots -- /],
  'npm run bench': ['test/bench.test.ts', /bench\/main\.ts/],
  'npm run bench -- --quick': ['test/bench.test.ts', /'--quick'/],
  'npm run bench -- --only flows,load': ['test/bench.test.ts', /'--only'/],
  'npm run build:argon2': ['.ci/run', / npm run build:argon2 &&/],
  'npm run build:argon2 -- --undo': ['.ci/run', /npm run build:argon2 -- --undo/],
  'ARGON2_MARCH=x86-64-v3 npm run build:argon2': [
    '.ci/run',
    /ARGON2_MARCH=x86-64-v3 npm run build:argon2/
  ],
  'npm run users -- rename ada countess': [
    'test/commands/manage-users.test.ts',
    /users\('rename', 'ada', /
  ],
  '.ci/run': ['.ci/run', /^#!/],
  'node dist/main.js': ['test/deploy.test.ts', /the copied files are enough to start/],
  // Without a container engine, the test checks the files of the image and starts them.
  'docker build -f deploy/Dockerfile -t sms-login .': [
    'test/deploy.test.ts',
    /the copied files are enough to start/
  ],
  ['docker run --rm --env-file production.env -v /run/secrets:/run/secrets:ro sms-login ' +
  'node dist/commands/migrate.js']: ['test/deploy.test.ts', /migrat/],
  ['docker run -d --name sms-login --read-only --stop-timeout 15 -p 3000:3000 ' +
  '--env-file production.env -v /run/secrets:/run/secrets:ro sms-login']: [
    'test/deploy.test.ts',
    /the copied files are enough to start/
  ]
}

/** The commands that no test runs, with the reason. */
const notRun: Record<string, string> = {
  'python manage.py dumpdata auth.user > users.json': 'needs a Django project',
  'docker exec -it sms-login node dist/commands/users.js list':
    'needs a container engine; npm run users runs the same file',
  'npm run bench -- --quick --only flows': 'measures for a minute; test/bench.test.ts runs a part',
  'ARGON2_CONCURRENCY=2 npm run bench -- --unpinned': 'measures for six minutes',
  'npm run bench:attacks': 'floods a server for two minutes',
  'npm run bench:rejections': 'measures for ten minutes'
}

/** Returns all commands of a document, from blocks and sentences. */
function commandsIn(document: string): string[] {
  const prose = readText(document).replaceAll(/^ *```[^]*?^ *```$/gm, '')
  const inSentences = [
    ...prose.matchAll(
      new RegExp(
        '`((?:[A-Z_\\d]+=\\S+\\s+)?' +
          '(?:(?:npm|npx|sh|curl|openssl|node|docker|grep|jq|git)\\s[^`]+|\\.ci/run))`',
        'g'
      )
    )
  ].map(([, command = '']) => command.replaceAll(/\s+/g, ' ').replace('<username>', 'ada'))
  return [...shellBlocksOf(document).flatMap(commandsOf), ...inSentences].flatMap(line =>
    line.split(' && ')
  )
}

t.test('every command of a document is run by a test', async t => {
  const all = documents.flatMap(document =>
    commandsIn(document).map(command => ({ document, command }))
  )
  t.ok(all.length > 60)
  const known = [...runHere, ...Object.keys(runElsewhere), ...Object.keys(notRun)]
  // `npm run users -- unlock` stands for the command with its operands.
  const isKnown = (command: string) =>
    known.includes(command) ||
    (/^npm run [\w:-]+/.test(command) && known.some(other => other.startsWith(`${command} `)))
  t.same(
    all.filter(({ command }) => !isKnown(command)),
    []
  )
  for (const [command, [file, text]] of Object.entries(runElsewhere)) {
    t.ok(
      all.some(found => found.command === command),
      `${command} is in a document`
    )
    t.match(readText(file), text, `${command} is run by ${file}`)
  }
  for (const command of Object.keys(notRun))
    t.ok(
      all.some(found => found.command === command),
      `${command} is in a document`
    )
})

/** Creates a folder in which npm scripts work without writing into the project. */
function workingFolder(t: Test) {
  const folder = t.testdir()
  for (const name of [
    'package.json',
    'dist',
    'node_modules',
    'src',
    'scripts',
    'prisma',
    'prisma.config.ts',
    'tsconfig.json'
  ])
    symlinkSync(join(root, name), join(folder, name))
  const env = { HOME: folder, npm_config_update_notifier: 'false' }
  return {
    folder,
    sh: (script: string, more: Record<string, string> = {}, input = '') =>
      startProgram(t, 'sh', ['-ec', script], { folder, env: { ...env, ...more }, input }).ended
  }
}

t.test('the template for a transfer in docs/confirmations.md is valid', async t => {
  const { stdout } = await workingFolder(t).sh(`${template}printf %s "$CONFIRMATION_TEMPLATES"`)
  t.same(
    [...readConfig({ CONFIRMATION_TEMPLATES: stdout }).policy.confirmationTemplates.keys()],
    ['transfer']
  )
})

const noJq = spawnSync('jq', ['--version']).error !== undefined && 'jq is not installed'

t.test(
  'the commands in docs/verifying-tokens.md decode a token and call /me with it',
  { skip: noJq },
  async t => {
    const { app, accessToken } = await startApp(t)
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    const { code, stdout, stderr } = await workingFolder(t).sh(
      token.replace('https://login.example.com', url),
      { TOKEN: await accessToken() }
    )
    t.match({ code, stderr }, { code: 0, stderr: '' })
    const [header = '', claims = '', user = ''] = stdout.split(/(?<=\}\n)(?=\{)/)
    t.match(JSON.parse(header), { typ: 'at+jwt' })
    t.match(JSON.parse(claims), { iss: 'https://login.example' })
    t.match(JSON.parse(user), { username: 'ada' })
  }
)

t.test(
  'the commands in docs/admin-api.md manage users, from the new key to the deletion',
  { skip: noJq },
  async t => {
    const { folder, sh } = workingFolder(t)
    await unpackDatabase(join(folder, 'data/pglite'))
    const [newKey, start, define, create, createFromHash, list, readPages, change, end, ...others] =
      shellBlocksOf(adminApi)
    t.same(others, [])

    const { stdout: printed } = await sh(newKey ?? '')
    const [, API_KEY = ''] = /^API key: (\S+)$/m.exec(printed) ?? []
    const [, hash = ''] = /^SHA-256: (\S+)$/m.exec(printed) ?? []
    t.equal(start, 'ADMIN_PORT=3001 API_KEY_HASHES=… npm start\n')
    const server = await startServer(t, { folder, env: { ADMIN_PORT: '0', API_KEY_HASHES: hash } })
    const [, url = ''] = await server.prints(/Admin API at (http:[^"]+)"/)
    /** Runs a block and returns its output. */
    const run = async (script = '', id = '') => {
      const commands = `id=${id}\n${define?.replace('http://127.0.0.1:3001', url)}${script}`
      const { code, stdout, stderr } = await sh(commands, { API_KEY })
      t.match({ code, stderr }, { code: 0, stderr: '' }, script)
      return stdout
    }
    const responsesTo = async (script = '', id = '') =>
      (await run(script, id))
        .split(/(?<=\})(?=\{)/)
        .filter(Boolean)
        .map(text => JSON.parse(text))

    const [shownUser, shownProblem] = blocksOf(readText(adminApi), 'json').map(text =>
      JSON.parse(text)
    )
    const [{ id, createdAt, ...ada }] = await responsesTo(create)
    t.same({ id, createdAt, ...ada }, { ...shownUser, id, createdAt })
    t.match(await responsesTo(createFromHash), [{ username: 'grace@example.com' }])
    t.match(
      (await responsesTo(list)).map(({ users }) => users.map(({ username }: any) => username)),
      [
        ['ada@example.com', 'demo', 'grace@example.com'],
        ...Array.from({ length: 3 }, () => ['ada@example.com'])
      ]
    )
    t.equal(await run(readPages), 'ada@example.com\ndemo\ngrace@example.com\n')
    t.match((await responsesTo(change)).at(-1), {
      id,
      claims: { roles: ['admin', 'auditor'] },
      locale: 'pt-BR',
      phone: '+12025550199',
      disabled: false
    })
    const [problem] = await responsesTo(`admin PATCH "/users/$id" -d '{"claims":{"sub":"x"}}'`, id)
    t.same({ ...problem, detail: '…', instance: shownProblem.instance }, shownProblem)
    t.same(await responsesTo(end, id), [{ sessions: [] }])
    t.match(await responsesTo('admin GET "/users/$id"', id), [{ status: 404 }])
  }
)

/** The standard error of successful commands. */
const eventsAndDatabase = /^((\{"level":"info",.*\}\n)*Database: .*\n)+$/

// These tests need a PostgreSQL server, as the documents do. They also start too many processes for
// the embedded database.

t.test(
  'the deployment commands work: key, environment, migration, start, users, key rotation',
  { skip: needsServer },
  async t => {
    const { folder, sh } = workingFolder(t)
    const { url = '' } = await createEmptyDatabase(t)

    t.match(await sh(key.replace(/^npm ci.*\n/, '').replace('/run/secrets', 'secrets')), {
      code: 0,
      stderr: ''
    })
    t.equal(createPrivateKey(readFileSync(join(folder, 'secrets/jwt.pem'))).asymmetricKeyType, 'ec')

    const own = {
      // The PostgreSQL server of the tests has no TLS.
      'postgresql://sms_login:…@db.internal/sms_login?sslmode=verify-full': url,
      'file:/run/secrets': 'file:secrets',
      'AC…': twilioAccount.accountSid,
      'TOKEN=…': `TOKEN=${twilioAccount.authToken}`,
      '+1…': '+15005550006'
    }
    const script = Object.entries(own).reduce((text, [placeholder, value]) => {
      t.ok(text.includes(placeholder), placeholder)
      return text.replace(placeholder, value)
    }, settings)
    const { stdout } = await sh(`${script}env`)
    const names = [...settings.matchAll(/\b([A-Z][A-Z_]+)=/g)].map(([, name = '']) => name)
    t.ok(names.length > 8)
    const env = Object.fromEntries(
      names.map(name => [name, new RegExp(`^${name}=(.*)$`, 'm').exec(stdout)?.[1] ?? ''])
    )
    t.match(env['SECRET'], /^[0-9a-f]{64}$/)

    t.same(commandsOf(rollout), ['npm run migrate', 'npm start'])
    t.match(await sh('npm run migrate', env), {
      code: 0,
      stdout: /^applied /m,
      stderr: /^Database: /
    })
    const server = await startServer(t, { folder, env })

    const managed = await sh(userCommands, env, 'correct horse battery\n')
    t.match(managed, { code: 0, stderr: eventsAndDatabase })
    const claimed = await sh(claims, env)
    t.match(claimed, { code: 0, stderr: eventsAndDatabase })
    t.match(claimed.stdout, /^claims +\{"roles":\["admin"\],"tenant":\{"id":42\}\}$/m)
    t.match(claimed.stdout, /^Removed the claims of ada/m)
    for (const line of [
      /^Added ada/m,
      /^Set the claims of ada/m,
      /^ada +\+1•+00 +enabled$/m,
      /^ada can log in\.$/m,
      /^Disabled ada/m,
      /^Unlocked ada/m,
      /^ada is not logged in/m,
      /^ada was not logged in/m
    ])
      t.match(managed.stdout, line)
    t.match(await server.login('ada', 'correct horse battery'), { status: 401 }, 'disabled')

    // More wrong passwords than LIMIT_PASSWORD_FAILURES, so that the searches find events.
    for (let n = 0; n <= 10; n++) await server.login('nobody', 'wrong horse battery')
    await server.prints(/"event":"rate_limit\.exceeded"/)
    writeFileSync(join(folder, 'sms-login.log'), server.printed())
    t.match(await sh(health.replaceAll('http://127.0.0.1:3000', server.url)), {
      code: 0,
      stdout: '{"status":"ok"}{"status":"ok"}',
      stderr: ''
    })
    t.ok(searches.length > 2)
    for (const search of searches) t.match(await sh(search), { code: 0, stderr: '' }, search)
    const limits = searches.find(search => search.includes('rate_limit.exceeded')) ?? ''
    t.match((await sh(limits)).stdout, /"event":"rate_limit\.exceeded"/)

    const unlocked = await sh(locked, env, 'another horse battery\n')
    t.match(unlocked, { code: 0, stderr: eventsAndDatabase })
    for (const line of [
      /^ada cannot log in: disabled\.$/m,
      /^Enabled ada/m,
      /^Unlocked ada/m,
      /^Set a new password/m
    ])
      t.match(unlocked.stdout, line)

    const shared = await sh(sharedLimits, env)
    t.match(shared, { code: 0, stderr: eventsAndDatabase })
    for (const line of [
      /^203\.0\.113\.9 {2}requests: 0 of 60, set by LIMIT_IP_PER_MINUTE$/m,
      /^No limit of country GB is exhausted\.$/m,
      /^sms\.hour: off, set by LIMIT_TEXTS_PER_HOUR$/m
    ])
      t.match(shared.stdout, line)

    t.match(await sh(audited, env), { code: 0, stdout: /^Unlocked ada/m, stderr: '' })
    t.match(readFileSync(join(folder, 'sms-login.log'), 'utf8'), /"event":"user\.unlocked"/)

    t.match(await sh(deletion, env), { code: 0, stdout: /^Deleted ada/m })

    t.match(await sh(keys, env), {
      code: 0,
      stdout: /^Made data\/jwt-private-key-.*\n[^]*^signs +ES256 /m,
      stderr: ''
    })
  }
)

t.test(
  'the development commands work: npm run dev and npm run migrate:new',
  { skip: needsServer },
  async t => {
    const { folder, sh } = workingFolder(t)
    t.match(await sh('npm run migrate:new -- add_something'), {
      code: 0,
      stdout: /the migrations do not differ/
    })
    const [program = '', ...args] = manifest.scripts.dev.split(' ')
    const dev = startProgram(t, join(root, 'node_modules/.bin', program), args, {
      folder,
      env: { PORT: '0', DATABASE_URL: 'pglite:' }
    })
    await dev.prints(/sms-login listens on http/)
    dev.kill('SIGTERM')
    t.match(await dev.ended, { code: 0 })
    t.notOk(existsSync(join(folder, 'data/pglite')))
  }
)

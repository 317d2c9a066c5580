import { spawnSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import manifest from '../package.json' with { type: 'json' }
import { readConfig } from '../src/config.ts'
import { emptyDatabase, serverUrl } from './support/database.ts'
import { startServer, watch } from './support/service.ts'
import { start } from './support/start.ts'
import { twilioAccount } from './support/twilio-stand-in.ts'

// Every command of the README is run: the blocks below in this file, as they are printed but for names of machines and
// secrets; the others where the table says.

const root = join(import.meta.dirname, '..')
const textOf = (file: string) => readFileSync(join(root, file), 'utf8')
const readme = textOf('README.md')
const blocks = [...readme.matchAll(/^( *)```sh\n([^]*?)^ *```$/gm)].map(([, indent = '', text = '']) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''))

/** The block that begins so. */
function block (beginning: string): string {
  const found = blocks.filter(text => text.startsWith(beginning))
  if (found[0] === undefined || found.length > 1) throw new Error(`the README has ${found.length} blocks that begin with ${beginning}`)
  return found[0]
}
/** The commands of a block, without what is said of them. */
const commandsOf = (text: string) => text.split('\n').map(line => line.replace(/(^|\s+)# .*$/, '').trim()).filter(line => line !== '')

const key = block('npm ci --include=dev')
const settings = block('export NODE_ENV=production')
const rollout = block('npm run migrate')
const people = block('npm run users')
const keys = block('npm run keys')
const template = block('CONFIRMATION_TEMPLATES=')
const token = block('printf %s "$TOKEN"')
const here = [...[key, settings, rollout, people, keys, template, token].flatMap(commandsOf), 'npm run dev', 'npm run make-migration -- add_something']

/** Where the others are run, and the words there that do it. */
const elsewhere: Record<string, [file: string, words: RegExp]> = {
  'npm ci': ['.ci/run', /^step 'npm ci' npm ci$/m],
  'npm ci --include=dev': ['.ci/run', /^step 'npm ci' npm ci$/m],
  'npm start': ['test/main.test.ts', /await startServer\(.*\{ folder \}\)/],
  'CORS_ORIGINS=http://localhost:5173 npm start': ['test/http/cors.test.ts', /corsOrigins: ours/],
  'npm install openapi-fetch': ['package.json', /"openapi-fetch": "/],
  'sh examples/login.sh': ['test/examples/login-sh.test.ts', /\['sh', 'bash'\]/],
  'SMS_LOGIN_URL=https://login.example.com sh examples/login.sh': ['test/browser/same-server.test.ts', /SMS_LOGIN_URL: server\.url/],
  'npm test': ['.ci/run', /TEST_DATABASE_URL= npm test$/m],
  'npm run openapi': ['test/examples/client.test.ts', /manifest\.scripts\.openapi/],
  'npm run postman': ['test/examples/postman.test.ts', /await postmanFiles\(/],
  'npm run readme': ['test/readme.test.ts', /withProblems\(readme\)/],
  'npm run test:browser': ['.ci/run', / npm run test:browser &&/],
  'npm run screenshots': ['.ci/run', /&& npm run screenshots -- /],
  'npm run bench': ['test/bench.test.ts', /bench\/main\.ts/],
  'npm run build:argon2': ['.ci/run', / npm run build:argon2 &&/],
  'npm run build:argon2 -- --undo': ['.ci/run', /npm run build:argon2 -- --undo/],
  'ARGON2_MARCH=x86-64-v3 npm run build:argon2': ['.ci/run', /ARGON2_MARCH=x86-64-v3 npm run build:argon2/],
  '.ci/run': ['.ci/run', /^#!/],
  // As far as that goes without a container engine: the files of the image, and how it starts.
  'docker build -f deploy/Dockerfile -t sms-login .': ['test/deploy.test.ts', /what is copied into it is enough to start/],
  'docker run --rm --env-file production.env -v /run/secrets:/run/secrets:ro sms-login node dist/migrate.js': ['test/deploy.test.ts', /migrat/],
  'docker run -d --name sms-login --read-only --stop-timeout 15 -p 3000:3000 --env-file production.env -v /run/secrets:/run/secrets:ro sms-login': ['test/deploy.test.ts', /what is copied into it is enough to start/]
}

t.test('no command of the README, in a block or in a sentence, is left out', async t => {
  const prose = readme.replaceAll(/^ *```[^]*?^ *```$/gm, '')
  const inSentences = [...prose.matchAll(/`((?:[A-Z_\d]+=\S+\s+)?(?:npm|npx|sh|curl|openssl)\s[^`]+)`/g)].map(([, command = '']) => command.replaceAll(/\s+/g, ' '))
  const all = [...blocks.flatMap(commandsOf), ...inSentences].flatMap(line => line.split(' && '))
  t.ok(all.length > 30)
  t.same([...new Set(all)].filter(command => !here.includes(command) && !Object.hasOwn(elsewhere, command)), [])
  for (const [command, [file, words]] of Object.entries(elsewhere)) {
    t.ok(all.includes(command), `${command} is in the README`)
    t.match(textOf(file), words, `${command} is run by ${file}`)
  }
  for (const [, script = ''] of readme.matchAll(/\bnpm\s+run\s+([\w:-]+)/g)) t.ok(Object.hasOwn(manifest.scripts, script), script)
})

/** A folder from which npm finds the project, but where nothing of the project is written to. */
function workingFolder (t: Test) {
  const folder = t.testdir()
  for (const name of ['package.json', 'dist', 'node_modules', 'src', 'prisma', 'prisma.config.ts', 'tsconfig.json']) symlinkSync(join(root, name), join(folder, name))
  const env = { HOME: folder, npm_config_update_notifier: 'false' }
  return { folder, sh: (script: string, more: Record<string, string> = {}, input = '') => watch(t, 'sh', ['-ec', script], { folder, env: { ...env, ...more }, input }).ended }
}

t.test('the sentence of the README for a transfer is one that is taken', async t => {
  const { stdout } = await workingFolder(t).sh(`${template}printf %s "$CONFIRMATION_TEMPLATES"`)
  t.same([...readConfig({ CONFIRMATION_TEMPLATES: stdout }).policy.confirmationTemplates.keys()], ['transfer'])
})

const noJq = spawnSync('jq', ['--version']).error !== undefined && 'there is no jq here'

t.test('a token in $TOKEN is shown, and is asked about', { skip: noJq }, async t => {
  const { app, accessToken } = await start(t)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const { code, stdout, stderr } = await workingFolder(t).sh(token.replace('https://login.example.com', url), { TOKEN: await accessToken() })
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const [header = '', claims = '', answer = ''] = stdout.split(/(?<=\}\n)(?=\{)/)
  t.match(JSON.parse(header), { typ: 'at+jwt' })
  t.match(JSON.parse(claims), { iss: 'https://login.example' })
  t.match(JSON.parse(answer), { username: 'ada' })
})

// On a server, as the README wants it; and too many starts of processes for each run of the tests at one's desk.
if (serverUrl !== undefined) {
  t.test('run for real: make a key, set the environment, migrate, start, add people, change keys', async t => {
    const { folder, sh } = workingFolder(t)
    const { url = '' } = await emptyDatabase(t)

    t.match(await sh(key.replace(/^npm ci.*\n/, '').replace('/run/secrets', 'secrets')), { code: 0, stderr: '' })
    t.equal(createPrivateKey(readFileSync(join(folder, 'secrets/jwt.pem'))).asymmetricKeyType, 'ec')

    const own = { 'postgresql://sms_login:…@db.internal/sms_login': url, 'file:/run/secrets': 'file:secrets', 'AC…': twilioAccount.accountSid, 'TOKEN=…': `TOKEN=${twilioAccount.authToken}`, '+1…': '+15005550006' }
    const script = Object.entries(own).reduce((text, [placeholder, value]) => {
      t.ok(text.includes(placeholder), placeholder)
      return text.replace(placeholder, value)
    }, settings)
    const { stdout } = await sh(`${script}env`)
    const names = [...settings.matchAll(/\b([A-Z][A-Z_]+)=/g)].map(([, name = '']) => name)
    t.ok(names.length > 8)
    const env = Object.fromEntries(names.map(name => [name, new RegExp(`^${name}=(.*)$`, 'm').exec(stdout)?.[1] ?? '']))
    t.match(env['SECRET'], /^[0-9a-f]{64}$/)

    t.same(commandsOf(rollout), ['npm run migrate', 'npm start'])
    t.match(await sh('npm run migrate', env), { code: 0, stdout: /^applied /m, stderr: '' })
    const server = await startServer(t, { folder, env })

    const managed = await sh(people, env, 'correct horse battery\n')
    t.match(managed, { code: 0, stderr: '' })
    for (const line of [/^Added ada/m, /^ada +\+1•+00 +enabled$/m, /^Disabled ada/m, /^Unlocked ada/m, /^ada is not logged in/m, /^ada was not logged in/m]) t.match(managed.stdout, line)
    t.match(await server.login('ada', 'correct horse battery'), { status: 401 }, 'who is disabled')

    t.match(await sh(keys, env), { code: 0, stdout: /^Made data\/jwt-private-key-.*\n[^]*^signs +ES256 /m, stderr: '' })
  })

  t.test('work on it: npm run dev starts from the sources, npm run make-migration finds nothing to make', async t => {
    const { folder, sh } = workingFolder(t)
    t.match(await sh('npm run make-migration -- add_something'), { code: 0, stdout: /asks for nothing new/ })
    const [program = '', ...words] = manifest.scripts.dev.split(' ')
    const dev = watch(t, join(root, 'node_modules/.bin', program), words, { folder, env: { PORT: '0', DATABASE_URL: 'pglite:' } })
    await dev.prints(/sms-login listens on http/)
    dev.kill('SIGTERM')
    t.match(await dev.ended, { code: 0 })
    t.notOk(existsSync(join(folder, 'data/pglite')))
  })
}

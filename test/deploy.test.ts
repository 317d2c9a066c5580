import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join } from 'node:path'
import { parseEnv } from 'node:util'
import t from 'tap'
import manifest from '../package.json' with { type: 'json' }
import { unpackDatabase } from './support/database.ts'
import { settingsOf, startProgram } from './support/start-process.ts'
import { twilioAccount } from './support/twilio-stand-in.ts'

// Tests run without Docker, so they cannot build the image. They read the Dockerfile instead and
// start the files that it would copy.

const root = join(import.meta.dirname, '..')
const readText = (file: string) => readFileSync(join(root, file), 'utf8')
const wordsIn = (text: string) => text.split(/\s+/).filter(Boolean)

const stages = readText('deploy/Dockerfile')
  .replace(/^#.*\n/gm, '')
  .replace(/ *\\\n */g, ' ')
  .split(/^(?=FROM )/m)
  .filter(stage => stage.startsWith('FROM '))
const [build = '', run = ''] = stages
/** Returns the arguments of every use of an instruction in a stage. */
const all = (stage: string, instruction: string) =>
  [...stage.matchAll(new RegExp(`^${instruction} (.*)$`, 'gm'))].map(([, rest = '']) => rest.trim())
/** Returns the arguments of an instruction that a stage has exactly once. */
const only = (stage: string, instruction: string) => {
  const [found = '', ...more] = all(stage, instruction)
  if (found === '' || more.length > 0) throw new Error(`the stage must have one ${instruction}`)
  return found
}

const copies = stages.flatMap(stage => all(stage, 'COPY')).map(wordsIn)
const fromProject = copies
  .filter(([first = '']) => !first.startsWith('--from='))
  .flatMap(paths => paths.slice(0, -1))
  .map(path => path.replace(/\/$/, ''))
const fromBuild = all(run, 'COPY')
  .map(wordsIn)
  .filter(([first]) => first === '--from=build')
  .map(([, from = '', to = '']) => ({ from: from.replace('/app/', ''), to }))
const environment = Object.fromEntries(wordsIn(only(run, 'ENV')).map(setting => setting.split('=')))
const command: string[] = JSON.parse(only(run, 'CMD'))

t.test(
  'the image runs the command of npm start without npm or a shell and not as root',
  async t => {
    t.equal(stages.length, 2)
    t.equal(command.join(' '), manifest.scripts.start.replace(/^(\w+=\S+ )*exec /, ''))
    t.same(environment, { NODE_ENV: 'production', HOST: '0.0.0.0', ...settingsOf('main') })
    t.equal(only(run, 'USER'), 'node')
    t.equal(
      only(run, 'EXPOSE'),
      parseEnv(readText('.env.example').replace(/^# (?=PORT=)/m, ''))['PORT'],
      'the image exposes the default port'
    )
  }
)

t.test('both stages use the same supported Node.js and Debian versions', async t => {
  const [, major = '', debian = ''] = /^node:(\d+)-(\w+) AS build$/.exec(only(build, 'FROM')) ?? []
  t.equal(only(run, 'FROM'), `node:${major}-${debian}-slim`)
  t.ok(Number(major) > Number(/^>=(\d+)/.exec(manifest.engines.node)?.[1]), major)
  const [, tested = ''] = /^for version in ([^;]+);/m.exec(readText('.ci/run')) ?? []
  t.ok(wordsIn(tested).includes(major), major)
})

t.test('the image is built from existing files, and .dockerignore allows only these', async t => {
  t.ok(fromProject.length > 5)
  for (const path of fromProject) t.ok(existsSync(join(root, path)), path)
  const [first, ...rules] = readText('.dockerignore')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))
  t.equal(first, '*')
  t.same(
    rules
      .filter(rule => rule.startsWith('!'))
      .map(rule => rule.slice(1))
      .sort(),
    [...new Set(fromProject)].sort()
  )
  t.same(
    rules.filter(rule => !rule.startsWith('!')),
    ['src/adapters/prisma']
  )
})

t.test('every script of the image build finds its imports', async t => {
  const scripts = fromProject.filter(path => path.endsWith('.ts'))
  t.ok(scripts.some(path => manifest.scripts['build:argon2'].endsWith(path)))
  const imports = scripts.flatMap(path =>
    [...readText(path).matchAll(/ from '(\.[^']+)'/g)].map(([, to = '']) => join(dirname(path), to))
  )
  t.ok(imports.length > 0)
  for (const path of imports) t.ok(fromProject.includes(path), path)
})

t.test('the service imports no package that the image build removes', async t => {
  const files = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' }).filter(
    file => /\.c?js$/.test(file) && !file.startsWith('demo/page/')
  )
  const imported = files.flatMap(file =>
    [
      ...readText(join('dist', file)).matchAll(
        /(?:^import |^(?:import|export|\}).* from |\bimport\(|\brequire\()(['"])([^.].*?)\1/gm
      )
    ].map(([, , name = '']) => name)
  )
  const packages = new Set(
    imported
      .filter(name => !isBuiltin(name))
      .map(name => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? name)
  )
  t.ok(packages.has('fastify') && packages.has('@prisma/client'))
  for (const name of packages) t.ok(name in manifest.dependencies, name)
})

t.test(
  'the copied files are enough to start, migrate, serve documents and pass the health check',
  async t => {
    const folder = t.testdir()
    for (const { from, to } of fromBuild) {
      if (from === 'node_modules') symlinkSync(join(root, from), join(folder, from))
      else cpSync(join(root, from), join(folder, to), { recursive: true })
    }
    cpSync(join(root, 'package.json'), join(folder, 'package.json'))
    const [, removed = ''] = / && rm -r (.*?) && /.exec(build) ?? []
    for (const path of wordsIn(removed)) rmSync(join(folder, path), { recursive: true })
    t.notOk(existsSync(join(folder, 'dist/demo/page')))

    await unpackDatabase(join(folder, 'data/pglite'))
    const service = startProgram(
      t,
      'env',
      ['-u', 'NODE_OPTIONS', process.execPath, '--liftoff-only', ...command.slice(1)],
      {
        folder,
        env: {
          ...environment,
          HOST: '127.0.0.1',
          PORT: '0',
          DATABASE_URL: 'pglite:data/pglite',
          SECRET: randomBytes(32).toString('hex'),
          JWT_PRIVATE_KEY: generateKeyPairSync('ec', { namedCurve: 'P-256' })
            .privateKey.export({ format: 'pem', type: 'pkcs8' })
            .toString(),
          SMS_COUNTRIES: 'US',
          TWILIO_ACCOUNT_SID: twilioAccount.accountSid,
          TWILIO_AUTH_TOKEN: twilioAccount.authToken,
          TWILIO_FROM: '+15005550006',
          DOCS: 'on'
        }
      }
    )
    const [, url = ''] = await service.prints(/Server listening at (http:[^"]+)"/)
    for (const path of ['/readyz', '/docs', '/openapi.yaml', '/problems/wrong-code'])
      t.equal((await fetch(url + path)).status, 200, path)

    const [, program = '', ...rest]: string[] = JSON.parse(
      only(run, 'HEALTHCHECK').replace(/^.*?CMD /, '')
    )
    const isHealthy = (port: string) =>
      startProgram(t, process.execPath, [program, ...rest], { folder, env: { PORT: port } }).ended
    t.match(await isHealthy(new URL(url).port), { code: 0, stdout: '', stderr: '' })
    service.kill('SIGTERM')
    t.match(await service.ended, { code: 0, stderr: '' })
    t.match(await isHealthy(new URL(url).port), { code: 1, stdout: '', stderr: '' })
  }
)

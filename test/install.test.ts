import { cpSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startProgram } from './support/start-process.ts'

// These tests use an installation without install scripts or without the development packages.

const root = join(import.meta.dirname, '..')

/** Copies the project without a build and with only these files in node_modules. */
function clone(t: Test, nodeModules: Parameters<Test['testdir']>[0] & object) {
  const folder = t.testdir({ node_modules: nodeModules })
  for (const name of ['package.json', 'scripts'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  const npm = (...args: string[]) =>
    startProgram(t, 'npm', args, {
      folder,
      env: { HOME: folder, npm_config_update_notifier: 'false' }
    }).ended
  return { folder, npm }
}

const commands = [
  ['start'],
  ['run', 'migrate'],
  ['run', 'users', '--', 'list'],
  ['run', 'limits', '--', 'show', 'total'],
  ['run', 'keys', '--', 'list'],
  ['run', 'dev']
]

t.test('without a build, every command prints one line with the build command', async t => {
  const { npm } = clone(t, { '.bin': { tap: '' } })
  for (const args of commands) {
    const { code, stderr } = await npm(...args)
    t.equal(code, 1)
    t.equal(stderr, 'sms-login is not built. Run: npm run build\n', args.join(' '))
  }
})

t.test('without the development packages, the line says how to install them', async t => {
  const { folder, npm } = clone(t, {})
  const line = 'sms-login is not built. Run: npm ci --include=dev\n'
  for (const args of [...commands, ['run', 'build']])
    t.match(await npm(...args), { code: 1, stderr: line }, args.join(' '))
  t.match(await npm('run', 'prepare'), { code: 0, stderr: line }, 'the installation succeeds')
  t.notOk(existsSync(join(folder, 'dist')), 'no partial build is left')
})

t.test('a build made elsewhere is left unchanged', async t => {
  const { folder, npm } = clone(t, {})
  cpSync(join(root, 'src/messages'), join(folder, 'dist/messages'), { recursive: true })
  t.match(await npm('run', 'prepare'), { code: 0, stderr: '' })
})

t.test("a production installation contains neither Prisma's tools nor TypeScript", async t => {
  type Packages = Record<string, { dev?: boolean; link?: boolean; resolved?: string }>
  const { packages }: { packages: Packages } = JSON.parse(
    readFileSync(join(root, 'package-lock.json'), 'utf8')
  )
  const production = Object.entries(packages)
    // npm marks the target of a link as a development package, not the link.
    .filter(
      ([path, { dev, link, resolved = '' }]) => path && !(link ? packages[resolved]?.dev : dev)
    )
    .map(([path]) => path.split('node_modules/').at(-1) ?? '')
  t.ok(production.includes('@prisma/client'))
  for (const name of ['prisma', '@prisma/dev', 'hono', '@hono/node-server', 'typescript'])
    t.notOk(production.includes(name), name)
  t.match(
    readFileSync(join(root, '.npmrc'), 'utf8'),
    /^legacy-peer-deps=true$/m,
    'otherwise npm treats the optional peers of @prisma/client as required'
  )
})

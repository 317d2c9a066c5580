import { cpSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { watch } from './support/start-process.ts'

// What an installation without install scripts, or without the development packages, leaves behind.

const root = join(import.meta.dirname, '..')

/** A clone of the project without a build, in which these files of node_modules exist. */
function clone(t: Test, nodeModules: Parameters<Test['testdir']>[0] & object) {
  const folder = t.testdir({ node_modules: nodeModules })
  for (const name of ['package.json', 'scripts'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  const npm = (...words: string[]) =>
    watch(t, 'npm', words, { folder, env: { HOME: folder, npm_config_update_notifier: 'false' } })
      .ended
  return { folder, npm }
}

const commands = [
  ['start'],
  ['run', 'migrate'],
  ['run', 'users', '--', 'list'],
  ['run', 'keys', '--', 'list'],
  ['run', 'dev']
]

t.test('without a build every command prints one line that says to build', async t => {
  const { npm } = clone(t, { '.bin': { tap: '' } })
  for (const words of commands) {
    const { code, stderr } = await npm(...words)
    t.equal(code, 1)
    t.equal(stderr, 'sms-login is not built. Run: npm run build\n', words.join(' '))
  }
})

t.test('without the development packages the message names their installation', async t => {
  const { folder, npm } = clone(t, {})
  const line = 'sms-login is not built. Run: npm ci --include=dev\n'
  for (const words of [...commands, ['run', 'build']])
    t.match(await npm(...words), { code: 1, stderr: line }, words.join(' '))
  t.match(await npm('run', 'prepare'), { code: 0, stderr: line }, 'and installing does not fail')
  t.notOk(existsSync(join(folder, 'dist')), 'nothing is built in part')
})

t.test('a build made elsewhere is left unchanged', async t => {
  const { folder, npm } = clone(t, {})
  cpSync(join(root, 'src/messages'), join(folder, 'dist/messages'), { recursive: true })
  t.match(await npm('run', 'prepare'), { code: 0, stderr: '' })
})

t.test("a production install has neither Prisma's tools nor TypeScript's", async t => {
  type Packages = Record<string, { dev?: boolean; link?: boolean; resolved?: string }>
  const { packages }: { packages: Packages } = JSON.parse(
    readFileSync(join(root, 'package-lock.json'), 'utf8')
  )
  const production = Object.entries(packages)
    // npm marks the target of a link, not the link.
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
    'or npm would count the optional peers of @prisma/client as needed'
  )
})

import { readdirSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { separateFolders } from './support/separate-packages.ts'
import manifest from '../package.json' with { type: 'json' }

type Lock = {
  packages: Record<
    string,
    { version?: string; resolved?: string; link?: true; integrity?: string; inBundle?: boolean }
  >
}
type Versions = Record<string, string>

const root = join(import.meta.dirname, '..')
const readJson = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'))
const lockOf = (folder: string): Lock => readJson(`${folder}/package-lock.json`)
/** Returns the versions of all packages that the folder's package.json declares. */
const declaredIn = (folder: string): Versions => {
  const { dependencies, devDependencies } = readJson(`${folder}/package.json`)
  return { ...dependencies, ...devDependencies }
}
// See scripts/omitted-package/index.cjs.
const omitted = 'file:scripts/omitted-package'

for (const folder of ['.', ...separateFolders])
  t.test(
    `${folder}/package.json has exact versions, and its lock file has a hash for each`,
    async t => {
      const declared = declaredIn(folder)
      for (const [name, version] of Object.entries(declared))
        if (version !== omitted) t.match(version, /^\d+\.\d+\.\d+(-[\w.-]+)?$/, name)
      const packages = Object.entries(lockOf(folder).packages).filter(([path]) => path !== '')
      t.ok(packages.length >= Object.keys(declared).length)
      t.same(
        packages
          .filter(([path]) => path.includes('node_modules/'))
          .filter(([, { link, resolved }]) => !link || `file:${resolved}` !== omitted)
          .filter(([, { integrity, inBundle }]) => !inBundle && !integrity?.startsWith('sha512-'))
          .map(([path]) => path),
        []
      )
    }
  )

t.test('an override repeats a declared version or is an exact version', async t => {
  const overrides: Record<string, string | Versions> = manifest.overrides
  const declared = declaredIn('.')
  for (const [name, version] of Object.entries(overrides).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] as const] : Object.entries(value)
  ))
    t.ok(
      version === `$${name}` ? name in declared : /^\d+\.\d+\.\d+$/.test(version),
      `${name} ${version}`
    )
})

const lock = lockOf('.')

// Older versions have known vulnerabilities, such as CVE-2026-3419 and CVE-2026-44351.
for (const [name, minimum] of [
  ['fastify', '5.8.1'],
  ['fast-jwt', '6.3.6']
] as const) {
  t.test(`${name} is at least ${minimum} everywhere in the dependency tree`, async t => {
    const found = Object.entries(lock.packages).filter(([path]) =>
      path.endsWith(`node_modules/${name}`)
    )
    t.ok(found.length > 0)
    for (const [path, { version = '' }] of found)
      t.ok(version.localeCompare(minimum, 'en', { numeric: true }) >= 0, `${path} ${version}`)
  })
}

// Only the development server of Prisma needs it, and it has had vulnerabilities too.
t.test('hono is not in the dependency tree', async t => {
  t.same(
    Object.keys(lock.packages).filter(path => /node_modules\/(hono|@hono\/.*)$/.test(path)),
    []
  )
})

/** Returns the folder whose package.json declares the imports of a file. */
const folderOf = (file: string) =>
  separateFolders.find(folder => file.startsWith(join(root, folder, '/'))) ?? '.'

/** Returns all modules that a file imports, requires or resolves by name. */
function modulesOf(file: string) {
  const text = readFileSync(file, 'utf8')
  return [
    ...ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName),
    ...[...text.matchAll(/(?:\brequire|\.resolve)\(\s*['"`]([^'"`]+)/g)].map(
      ([, name = '']) => name
    )
  ]
}

t.test('every imported package is declared', async t => {
  const files = ['.', 'src', 'test', 'scripts', 'bench', 'examples', 'prisma'].flatMap(folder =>
    readdirSync(join(root, folder), { recursive: folder !== '.', encoding: 'utf8' })
      .filter(
        file => /\.[cm]?[jt]s$/.test(file) && !/^adapters\/prisma\/|node_modules\//.test(file)
      )
      .map(file => join(root, folder, file))
  )
  t.ok(files.length > 200)
  const missing = files.flatMap(file => {
    const declared = { ...declaredIn('.'), ...declaredIn(folderOf(file)) }
    return modulesOf(file)
      .filter(name => /^(@[\w.-]+\/)?[a-z][\w.-]*(\/|$)/.test(name) && !isBuiltin(name))
      .map(name => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? '')
      .filter(name => !(name in declared))
      .map(name => `${name} in ${file}`)
  })
  t.same(missing, [])
})

t.test('every command of a script comes from Node.js, POSIX or a declared package', async t => {
  const commands = Object.keys(declaredIn('.')).flatMap(name => {
    const { bin = {} }: { bin?: string | Record<string, string> } = JSON.parse(
      readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')
    )
    return typeof bin === 'string' ? [name.split('/').at(-1) ?? ''] : Object.keys(bin)
  })
  const known = [...commands, 'node', 'npm', 'sh', 'test', 'rm', 'cp', 'true']
  for (const [script, line] of Object.entries(manifest.scripts))
    for (const command of line.split(/&&|\|\||;/)) {
      const tokens = command.trim().split(/\s+/)
      const name = tokens.find(
        token => !/^\w+=/.test(token) && !['exec', 'if', 'then', 'else', 'fi'].includes(token)
      )
      if (name === undefined) continue
      const [folder, bin] = name.split('/node_modules/.bin/')
      t.ok(
        bin === undefined ? known.includes(name) : bin in declaredIn(folder ?? ''),
        `${name} of ${script}`
      )
    }
})

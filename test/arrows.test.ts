import { readdirSync, readFileSync } from 'node:fs'
import { join, normalize } from 'node:path'
import t from 'tap'

/** Who may import from whom. The other files of src itself may import from all, but see the second test. */
const arrows: Record<string, string[]> = {
  domain: ['domain'],
  adapters: ['adapters', 'domain'],
  http: ['http', 'domain'],
  routes: ['routes', 'domain', 'http'],
  'app.ts': ['domain', 'http', 'routes']
}
const commands = ['main.ts', 'cli.ts', 'keys.ts', 'migrate.ts', 'openapi.ts']

const src = join(import.meta.dirname, '../src')
const textOf = (file: string) => readFileSync(join(src, file), 'utf8')
const room = (path: string) => path.split('/')[0] ?? ''
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(path => path.endsWith('.ts') && !path.startsWith('adapters/prisma/'))
const imports = files.flatMap(file =>
  [...textOf(file).matchAll(/^(?:import|export|\}).* from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm)]
    .map(match => ({ file, from: match[1] ?? match[2] ?? match[3] ?? '' })))
const inside = imports.filter(({ from }) => from.startsWith('.')).map(({ file, from }) => ({ file, from, target: normalize(join(file, '..', from)) }))

t.test('imports point the way the design says', async t => {
  t.ok(inside.length > files.length, 'there are imports to look at')
  for (const { file, from, target } of inside) {
    const allowed = arrows[room(file)]
    t.ok(allowed === undefined ? !commands.includes(target) : allowed.includes(room(target)), `src/${file} must not import ${from}`)
  }
})

t.test('only a command knows both HTTP and the adapters', async t => {
  for (const file of files.filter(file => !commands.includes(file))) {
    const rooms = inside.filter(({ file: importer }) => importer === file).map(({ target }) => room(target))
    t.notOk(rooms.includes('adapters') && ['app.ts', 'http', 'routes'].some(side => rooms.includes(side)), `src/${file} must not know both`)
  }
})

t.test('the rules need nothing but Node', async t => {
  for (const { file, from } of imports.filter(({ file }) => room(file) === 'domain')) {
    t.match(from, /^(node:|\.\/)/, `src/${file} must not import ${from}`)
  }
})

t.test('no file imports itself by a detour', async t => {
  const done = new Set<string>()
  const visit = (file: string, path: string[]) => {
    if (path.includes(file)) t.fail([...path.slice(path.indexOf(file)), file].join(' → '))
    else if (!done.has(file)) for (const { target } of inside.filter(({ file: importer }) => importer === file)) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
  t.ok(done.size >= files.length)
})

t.test('chance comes from node:crypto alone', async t => {
  for (const file of files) t.notMatch(textOf(file), /Math\.random/, `src/${file} must draw with node:crypto`)
})

t.test('SQL is a tagged template, whose values are parameters; but for the engine that migrates', async t => {
  const raw = files.flatMap(file => [...textOf(file).matchAll(/\$(?:query|execute)Raw(\w*)(?:<[^>]*>)?(.)/g)].map(([, unsafe, next]) => ({ file, unsafe, next })))
  t.ok(raw.length > 5, 'there is SQL to look at')
  t.same(raw.filter(({ unsafe, next }) => unsafe !== '' || next !== '`'), [{ file: 'adapters/database.ts', unsafe: 'Unsafe', next: '(' }])
  for (const file of files) t.notMatch(textOf(file), /Prisma\.raw|\braw\(/, `src/${file}`)
  t.same(files.filter(file => /\bengine\.query\b|\{ query \}/.test(textOf(file))).sort(), ['adapters/database-ready.ts', 'adapters/migrations.ts'], 'and those two ask with constants')
})

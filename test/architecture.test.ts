import { readdirSync, readFileSync } from 'node:fs'
import { join, normalize } from 'node:path'
import t from 'tap'

/**
 * The layers from which each layer may import. The other files in src may import from all layers,
 * except as the tests below say.
 */
const allowedImports: Record<string, string[]> = {
  domain: ['domain'],
  adapters: ['adapters', 'domain'],
  http: ['http', 'domain'],
  routes: ['routes', 'domain', 'http'],
  'app.ts': ['domain', 'http', 'routes'],
  'admin-app.ts': ['domain', 'http', 'routes']
}
const commands = ['main.ts'].concat(
  ['users', 'limits', 'keys', 'migrate'].map(name => `commands/${name}.ts`)
)

const src = join(import.meta.dirname, '../src')
const readText = (file: string) => readFileSync(join(src, file), 'utf8')
const layer = (path: string) => path.split('/')[0] ?? ''
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
  path => path.endsWith('.ts') && !path.startsWith('adapters/prisma/')
)
const imports = files.flatMap(file =>
  [
    ...readText(file).matchAll(
      /^(?:import|export) ([^;'"]*?) from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm
    )
  ].map(([, names = '', ...from]) => ({
    file,
    from: from.find(path => path !== undefined) ?? '',
    values: !/^type |^\{(\s*type \w+( as \w+)?,?\s*)+\}$/.test(names)
  }))
)
const internalImports = imports
  .filter(({ from }) => from.startsWith('.'))
  .map(entry => ({ ...entry, target: normalize(join(entry.file, '..', entry.from)) }))

t.test('imports', async t => {
  t.test('imports follow the allowed directions', async t => {
    t.ok(internalImports.length > files.length, 'the imports were found')
    for (const { file, from, target } of internalImports) {
      const allowed = allowedImports[layer(file)]
      t.ok(
        allowed === undefined ? !commands.includes(target) : allowed.includes(layer(target)),
        `src/${file} must not import ${from}`
      )
    }
  })

  /**
   * The topics of each layer in order. A file may import values from its own topic, from earlier
   * topics and from the layer's shared files, and types from any topic.
   */
  const topics: Record<string, string[]> = {
    domain: [
      'users',
      'rate-limits',
      'messages',
      'codes',
      'sessions',
      'confirmations',
      'login',
      'account',
      'admin'
    ],
    adapters: ['prisma', 'logs', 'postgres', 'secrets', 'sms', 'stores'],
    http: ['requests', 'problems', 'tokens', 'openapi', 'hooks', 'connections']
  }

  t.test('topics import values from earlier topics only', async t => {
    const topicOf = (path: string) => path.split('/').at(-2) ?? ''
    for (const [name, order] of Object.entries(topics)) {
      const present = readdirSync(join(src, name), { withFileTypes: true })
        .filter(entry => entry.isDirectory())
        .map(entry => entry.name)
      t.same(present.sort(), order.toSorted(), `the folders of src/${name}`)
      for (const { file, from, target, values } of internalImports) {
        const [importer, imported] = [file, target].map(path => order.indexOf(topicOf(path)))
        if (layer(file) !== name || layer(target) !== name || !values) continue
        if (importer === undefined || imported === undefined || importer === -1) continue
        t.ok(imported <= importer, `src/${file} must not import values from ${from}`)
      }
    }
  })

  /** Returns the chains of value imports from a route through the domain to calls of a store. */
  function pathsToStores(route: string): string[][] {
    const callsStore = (file: string) =>
      /\b(?:users|challenges|sessions|rateLimits)\.\w+\(/.test(readText(file))
    const found = new Map([[route, [route]]])
    for (const [file, path] of found)
      for (const { target, values } of internalImports.filter(
        ({ file: importer }) => importer === file
      ))
        if (values && layer(target) === 'domain' && !found.has(target))
          found.set(target, [...path, target])
    return [...found.values()].filter(path => callsStore(path.at(-1) ?? ''))
  }

  t.test('a request crosses few files between its route and a store', async t => {
    for (const [route, maximum] of [
      ['routes/verify.ts', 3],
      ['routes/login.ts', 5]
    ] as const) {
      const paths = pathsToStores(route)
      t.ok(paths.length > 0, `${route} reaches a store`)
      // Plus one for the store itself.
      for (const path of paths) t.ok(path.length + 1 <= maximum, path.join(' → '))
    }
  })

  t.test('only commands import both HTTP and adapters', async t => {
    for (const file of files.filter(file => !commands.includes(file))) {
      const layers = internalImports
        .filter(({ file: importer }) => importer === file)
        .map(({ target }) => layer(target))
      t.notOk(
        layers.includes('adapters') &&
          ['app.ts', 'admin-app.ts', 'http', 'routes'].some(name => layers.includes(name)),
        `src/${file} must not import both`
      )
    }
  })

  t.test('the domain imports only itself and Node.js modules', async t => {
    for (const { file, from } of imports.filter(({ file }) => layer(file) === 'domain')) {
      t.match(from, /^(node:|\.{1,2}\/)/, `src/${file} must not import ${from}`)
    }
  })

  t.test('no file imports itself indirectly', async t => {
    const visited = new Set<string>()
    const visit = (file: string, path: string[]) => {
      if (path.includes(file)) t.fail([...path.slice(path.indexOf(file)), file].join(' → '))
      else if (!visited.has(file))
        for (const { target } of internalImports.filter(({ file: importer }) => importer === file))
          visit(target, [...path, file])
      visited.add(file)
    }
    for (const file of files) visit(file, [])
    t.ok(visited.size >= files.length)
  })
})

t.test('rules for code', async t => {
  t.test('random values come from node:crypto only', async t => {
    for (const file of files)
      t.notMatch(readText(file), /Math\.random/, `src/${file} must draw with node:crypto`)
  })

  t.test('SQL is a tagged template with parameters except in the migration engine', async t => {
    const raw = files.flatMap(file =>
      [...readText(file).matchAll(/\$(?:query|execute)Raw(\w*)(?:<[^`]*>)?(.)/g)].map(
        ([, unsafe, next]) => ({ file, unsafe, next })
      )
    )
    t.ok(raw.length > 5, 'the SQL was found')
    t.same(
      raw.filter(({ unsafe, next }) => unsafe !== '' || next !== '`'),
      [{ file: 'adapters/postgres/database.ts', unsafe: 'Unsafe', next: '(' }]
    )
    for (const file of files) t.notMatch(readText(file), /Prisma\.raw|\braw\(/, `src/${file}`)
    t.same(
      files.filter(file => /\bengine\.query\b|\{ query \}/.test(readText(file))).sort(),
      ['adapters/postgres/database-ready.ts', 'adapters/postgres/migrations.ts'],
      'these two files execute only constants'
    )
  })
})

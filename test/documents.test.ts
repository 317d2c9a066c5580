import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseEnv } from 'node:util'
import t from 'tap'
import manifest from '../package.json' with { type: 'json' }
import { withProblems } from '../scripts/make-error-docs.ts'
import { readConfig, variableNames } from '../src/config/config.ts'
import { problemKinds } from '../src/http/problems/problem-kinds.ts'
import { blocksOf, documents, root, readText } from './support/documents.ts'
import { differentCode, startApp } from './support/start-app.ts'

t.test('links', async t => {
  t.test('every file that a document names exists', async t => {
    const named = documents
      // requirements.md names test files, which test/requirements.test.ts checks.
      .filter(document => document !== 'docs/requirements.md')
      .flatMap(document =>
        [
          ...readText(document).matchAll(
            /`((?:src|test|docs|prisma|scripts|bench|deploy|examples)\/[\w./-]+)`/g
          )
        ].map(([, path = '']) => ({ document, path }))
      )
    t.ok(named.length > 30)
    for (const { document, path } of named)
      t.ok(existsSync(join(root, path)), `${document} names ${path}`)
  })

  /** Returns the fragments of a document's headings, as GitHub derives them. */
  const fragmentsOf = (document: string) =>
    [...readText(document).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-')
    )

  t.test('every link in a document leads to an existing file and heading', async t => {
    for (const document of documents)
      for (const [, target = ''] of readText(document).matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
        const [path = '', fragment] = target.split('#')
        const file = path === '' ? document : join(dirname(document), path)
        t.ok(existsSync(join(root, file)), `${document} links to ${target}`)
        if (fragment !== undefined)
          t.ok(fragmentsOf(file).includes(fragment), `${document} links to ${target}`)
      }
  })

  t.test('every npm script that a document names exists', async t => {
    for (const document of documents)
      for (const [, script = ''] of readText(document).matchAll(/\bnpm\s+run\s+([\w:-]+)/g))
        t.ok(Object.hasOwn(manifest.scripts, script), `${document} names npm run ${script}`)
  })

  t.test('every document in docs is listed in its index', async t => {
    const index = readText('docs/README.md')
    for (const document of documents) {
      const [, name] = /^docs\/([\w-]+\.md)$/.exec(document) ?? []
      if (name !== undefined && name !== 'README.md') t.match(index, `](${name})`)
    }
  })
})

t.test('content', async t => {
  t.test('the README has 150 to 180 lines', async t => {
    const lines = readText('README.md').trimEnd().split('\n').length
    t.ok(lines >= 150 && lines <= 180, String(lines))
  })

  t.test('docs/errors.md explains every problem (else: npm run docs:problems)', async t => {
    const document = readText('docs/errors.md')
    t.equal(withProblems(document), document)
    for (const slug of Object.keys(problemKinds)) t.match(document, `\n| \`${slug}\` | `)
  })

  t.test('the example in docs/errors.md is what the service sends', async t => {
    const { post, loginAndReadCode } = await startApp(t)
    const [shown = {}] = blocksOf(readText('docs/errors.md'), 'json').map(text => JSON.parse(text))
    const { challengeToken, code } = await loginAndReadCode()
    const problem = (await post('/verify', { challengeToken, code: differentCode(code) })).json()
    t.same({ ...problem, detail: shown.detail, instance: shown.instance }, shown)
  })

  t.test('docs/configuration.md has every variable with its default and range', async t => {
    const rows = new Map(
      [
        ...readText('docs/configuration.md').matchAll(
          /^\| `([A-Z][A-Z\d_]*)` \| (.*?) \| (.*?) \|/gm
        )
      ].map(([, name = '', stated = '', values = '']) => [name, { stated, values }])
    )
    t.same([...rows.keys()].sort(), [...variableNames].sort())
    const defaults = parseEnv(readText('.env.example').replace(/^# (?=[A-Z][A-Z\d_]*=)/gm, ''))
    for (const [name, { stated, values }] of rows) {
      const [, inBackticks] = /^`(.*)`$/.exec(stated) ?? []
      if (defaults[name] !== '' && name !== 'CONFIRMATION_TEMPLATES')
        t.equal(inBackticks, defaults[name], name)
      const [, minimum, maximum] = /^(\d+)–(\d+)$/.exec(values) ?? []
      if (maximum === undefined) continue
      const message = new RegExp(`^${name} must be a whole number from ${minimum} to ${maximum}$`)
      t.throws(() => readConfig({ [name]: String(Number(maximum) + 1) }), { message }, name)
    }
  })

  t.test('docs/operations.md lists every event', async t => {
    const [, table = ''] = /^## Events\n([^]*?)^## /m.exec(readText('docs/operations.md')) ?? []
    const rows = [...table.matchAll(/^\| (`.*?) \|/gm)].map(([, names = '']) => names)
    const listed = rows.flatMap(names => names.split(', ').map(name => name.replaceAll('`', '')))
    const source = readText('src/domain/events.ts')
    const recorded = [...source.matchAll(/name: '([\w.-]+)'/g)].map(([, name]) => name)
    t.ok(recorded.length > 10)
    t.same(
      recorded.filter(name => !listed.includes(name ?? '')),
      []
    )
  })

  t.test('docs/operations.md says what to do for each reason in the log', async t => {
    const sectionOf = (heading: string) =>
      readText('docs/operations.md')
        .split(/^## /m)
        .find(text => text.startsWith(heading)) ?? ''
    const keysOf = (file: string, name: string) => {
      const [, literal = ''] =
        new RegExp(`^const ${name} = \\{\\n([^]*?)^\\}`, 'm').exec(readText(file)) ?? []
      return [...literal.matchAll(/^ {2}'?([\w-]+)'?:/gm)].map(([, key = '']) => key)
    }
    for (const [heading, reasons] of [
      [
        'The database is unavailable',
        keysOf('src/adapters/postgres/classify-database-error.ts', 'advice')
      ],
      ['Messages do not arrive', keysOf('src/adapters/sms/twilio-sms.ts', 'unavailable')]
    ] as const) {
      t.ok(reasons.length > 5, heading)
      for (const reason of reasons) t.match(sectionOf(heading), `\`${reason}\``, reason)
    }
  })

  t.test('the messages that docs/operations.md quotes are those of the service', async t => {
    const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter(file => file.endsWith('.ts') && !file.startsWith(join('adapters', 'prisma')))
      .map(file => readText(join('src', file)))
    const quoted = [
      ...readText('docs/operations.md').matchAll(
        /^(?:\| `(?:… )?([^`]+ [^`]+)` \||- .* says `([^`]+)`)/gm
      )
    ].map(([, inTable, inList]) => inTable ?? inList ?? '')
    t.ok(quoted.length >= 4)
    for (const message of quoted)
      t.ok(
        sources.some(source => source.includes(message)),
        message
      )
  })

  t.test('docs/operations.md explains every rate limit that has a variable', async t => {
    const source = readText('src/http/problems/limit-variables.ts')
    const limits = [...source.matchAll(/^ {2}'?([\w.-]+)'?: '[A-Z_]+',?$/gm)].map(
      ([, name = '']) => name
    )
    const patterns = [
      ...readText('docs/operations.md').matchAll(/`([a-z-]+(?:\.[a-z-]+)?\.?…?)`/g)
    ].map(([, pattern = '']) => pattern)
    t.ok(limits.length > 10)
    for (const limit of limits)
      t.ok(
        patterns.some(pattern =>
          pattern.endsWith('…')
            ? limit.startsWith(pattern.slice(0, -1))
            : pattern === limit || pattern.startsWith(`${limit}.`)
        ),
        limit
      )
  })

  t.test('.env.example states the range of every number that has one', async t => {
    // Each entry is a comment that ends in the variable it describes.
    for (const entry of readText('.env.example').split(/\n\n/)) {
      const [, name = ''] = /^# ([A-Z][A-Z\d_]*)=/m.exec(entry) ?? []
      const [, minimum, maximum] = /(\d+)–(\d+)/.exec(entry) ?? []
      if (name === '' || name === 'DATABASE_URL' || maximum === undefined) continue
      const message = new RegExp(`^${name} must be a whole number from ${minimum} to ${maximum}$`)
      t.throws(() => readConfig({ [name]: String(Number(maximum) + 1) }), { message }, name)
    }
  })
})

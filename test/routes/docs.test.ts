import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { problemKinds } from '../../src/http/problems/problem-kinds.ts'
import { slugOf, startApp } from '../support/start-app.ts'

const paths = [
  '/openapi.yaml',
  '/docs',
  '/docs/',
  '/docs/start.js',
  '/docs/swagger-ui-bundle.js',
  '/docs/swagger-ui.css',
  '/docs/problems',
  '/docs/viewer.css',
  '/docs/problems.css',
  ...Object.keys(problemKinds).map(slug => `/problems/${slug}`)
]
const committed = () => parse(readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8'))

t.test('the running service serves openapi.yaml with its own URL as the server', async t => {
  const { app } = await startApp(t, { docs: true })
  const { statusCode, headers, body } = await app.inject('/openapi.yaml')
  t.match(
    { statusCode, type: headers['content-type'] },
    { statusCode: 200, type: 'application/yaml' }
  )
  const { paths, components, tags, ...rest } = parse(body)
  const all = committed()
  t.same(
    { ...rest, tags },
    {
      ...rest,
      info: all.info,
      openapi: all.openapi,
      security: all.security,
      tags: all.tags.filter(({ name }: { name: string }) => name !== 'Users'),
      servers: [{ url: '/', description: 'The server of this documentation.' }]
    }
  )
  // The admin API has its own server.
  t.same(
    paths,
    Object.fromEntries(
      Object.entries<{ servers?: object[] }>(all.paths).filter(
        ([, { servers }]) => servers === undefined
      )
    )
  )
  for (const [kind, parts] of Object.entries<object>(components))
    for (const [name, part] of Object.entries(parts)) t.same(part, all.components[kind][name], name)
  t.notMatch(body, /apiKey|\/users/)
})

t.test("the document shows the operator's settings", async t => {
  const { app } = await startApp(t, { docs: true, codeLength: 8 })
  t.equal(
    parse((await app.inject('/openapi.yaml')).body).components.schemas.VerifyRequest.properties.code
      .pattern,
    String.raw`^[0-9]{8}$`
  )
})

t.test("the document does not describe the documentation's own paths", async t => {
  const { app } = await startApp(t, { docs: true })
  t.notMatch((await app.inject('/openapi.yaml')).body, /^ {2}\/(docs|openapi|problems)/m)
})

t.test(
  'the documentation page loads only files of this service and has no inline script',
  async t => {
    const { app } = await startApp(t, { docs: true })
    const page = await app.inject('/docs')
    t.match(page.headers, {
      'content-type': 'text/html; charset=utf-8',
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store'
    })
    const policy = Object.fromEntries(
      String(page.headers['content-security-policy'])
        .split(';')
        .map(directive => directive.split(/ (.*)/))
    )
    t.match(policy, {
      'default-src': "'none'",
      'script-src': "'self'",
      'style-src': "'self'",
      'connect-src': "'self'",
      'frame-ancestors': "'none'",
      'base-uri': "'none'"
    })
    t.notMatch(page.body, /<script>|<script [^>]*>[^<]|style=|\son\w+=|https?:/)

    const loaded = [...page.body.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path = '']) => path)
    t.same(loaded, [
      '/docs/swagger-ui.css',
      '/docs/viewer.css',
      '/docs/swagger-ui-bundle.js',
      '/docs/start.js'
    ])
    for (const path of loaded) {
      const { statusCode, headers, body } = await app.inject(path)
      t.equal(statusCode, 200, path)
      t.equal(
        headers['content-type'],
        `text/${path.endsWith('.css') ? 'css' : 'javascript'}; charset=utf-8`
      )
      t.ok(body.length > 50)
    }
    t.match((await app.inject('/docs/')).headers, { location: '/docs' })
  }
)

t.test('a problem type opens as a page in a browser and as JSON elsewhere', async t => {
  const { app } = await startApp(t, { docs: true })
  const notFound = (await app.inject('/nowhere')).json()
  const {
    statusCode,
    headers: { location, vary }
  } = await app.inject({
    url: notFound.type,
    headers: { accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8' }
  })
  t.same(
    { statusCode, location, vary },
    { statusCode: 302, location: '/docs/problems#not-found', vary: 'accept' }
  )

  const page = await app.inject('/docs/problems')
  t.match(page.headers, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': /default-src 'none'/
  })
  t.notMatch(page.body, /<script|style=|\son\w+=|https?:/)
  t.equal(
    (await app.inject('/docs/problems.css')).headers['content-type'],
    'text/css; charset=utf-8'
  )

  for (const [slug, { status, title, meaning, remedy }] of Object.entries(problemKinds)) {
    t.match(
      (await app.inject({ url: `/problems/${slug}`, headers: { accept: '*/*' } })).json(),
      { type: `/problems/${slug}`, status, title, meaning, remedy },
      slug
    )
    const [, entry = ''] =
      new RegExp(`<section id="${slug}">([^]*?)</section>`).exec(page.body) ?? []
    const text = entry
      .replaceAll(/<[^>]*>/g, '')
      .replaceAll('&lt;', '<')
      .replaceAll('&amp;', '&')
    for (const part of [String(status), title, meaning, remedy])
      t.ok(text.includes(part.replaceAll('`', '')), `${slug}: ${part}`)
  }
  t.equal(
    notFound.detail,
    `${problemKinds['not-found'].meaning} ${problemKinds['not-found'].remedy}`
  )
  for (const slug of ['unheard-of', 'toString', '__proto__', ''])
    t.equal(slugOf(await app.inject(`/problems/${slug}`)), 'not-found', slug)
})

t.test('without the documentation, none of its paths exists', async t => {
  const { app } = await startApp(t)
  for (const path of paths) t.equal(slugOf(await app.inject(path)), 'not-found', path)
})

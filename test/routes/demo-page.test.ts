import { readdirSync } from 'node:fs'
import t from 'tap'
import { problemKinds, type ProblemSlug } from '../../src/http/problems/problem-kinds.ts'
import { problem } from '../../src/http/problems/problem.ts'
import { codesInAllScripts } from '../support/codes-in-all-scripts.ts'
import { slugOf, startApp } from '../support/start-app.ts'

const folder = new URL('../../src/demo/page/', import.meta.url)
const paths = readdirSync(folder).map(name => (name === 'index.html' ? '/' : `/demo/${name}`))

t.test('the demo page may load and call only this service', async t => {
  const { app } = await startApp(t, { demoPage: true })
  const page = await app.inject('/')
  t.match(page.headers, {
    'content-type': 'text/html; charset=utf-8',
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
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
    'img-src': 'data:',
    'frame-ancestors': "'none'",
    'base-uri': "'none'",
    'form-action': "'none'",
    'require-trusted-types-for': "'script'"
  })
  t.notMatch(
    page.body,
    /<script>|<script [^>]*>[^<]|<style|style=|\son\w+=|(?:src|href|action)="https?:/,
    'the page has no inline script or style'
  )
})

t.test('every file of the demo page is served with its type, and no other file', async t => {
  const { app } = await startApp(t, { demoPage: true })
  const loaded = new Set<string>()
  const load = async (path: string) => {
    if (loaded.has(path)) return
    loaded.add(path)
    const { statusCode, headers, body } = await app.inject(path)
    t.equal(statusCode, 200, path)
    const type = path === '/' ? 'html' : path.endsWith('.css') ? 'css' : 'javascript'
    t.match(
      headers,
      { 'content-type': `text/${type}; charset=utf-8`, 'x-content-type-options': 'nosniff' },
      path
    )
    // A page names its files by absolute paths, and a script imports others by relative paths.
    for (const [, name = ''] of body.matchAll(/(?:src|href)="(\/[^"]+)"/g)) await load(name)
    for (const [, name = ''] of body.matchAll(/^import .* from '\.\/([^']+)'/gm))
      await load(`/demo/${name}`)
  }
  await load('/')
  t.same([...loaded].sort(), paths.sort())
})

t.test('the demo page offers every language that has messages', async t => {
  const { app } = await startApp(t, { demoPage: true })
  const offered = [...(await app.inject('/')).body.matchAll(/<option value="([^"]+)">/g)]
  const files = readdirSync(new URL('../../src/messages/', import.meta.url))
  t.same(
    offered.map(([, tag]) => `${tag}.json`).sort(),
    files.filter(file => file.endsWith('.json')).sort()
  )
})

t.test('the scripts of the page insert no markup and store nothing in the browser', async t => {
  const { app } = await startApp(t, { demoPage: true })
  for (const path of paths.filter(path => path.endsWith('.js'))) {
    const code = (await app.inject(path)).body.replaceAll(/^\s*(\/\/|\/?\*).*$/gm, '')
    t.notMatch(code, /innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b/, path)
    t.notMatch(code, /localStorage|sessionStorage|indexedDB|document\.cookie/, path)
  }
})

t.test('without the demo page, none of its files is served', async t => {
  const { app } = await startApp(t, { docs: true })
  for (const path of ['/', ...paths]) t.equal(slugOf(await app.inject(path)), 'not-found', path)
})

t.test('the demo page has a sentence for every problem', async t => {
  const { describeProblem } = await import(new URL('describe-problem.js', folder).href)
  const facts = [
    {},
    { attemptsRemaining: 0 },
    { attemptsRemaining: 1 },
    { attemptsRemaining: 4 },
    { errors: [{ pointer: '#/data/payee', detail: 'is required' }] },
    ...['requests', 'passwords', 'codes', 'codes-off'].map(reason => ({ reason }))
  ]
  for (const slug of Object.keys(problemKinds) as ProblemSlug[])
    for (const more of facts) {
      const sentence = describeProblem(problem(slug, 'id', more as object))
      t.match(sentence, /^[A-Z][^`_{}]+[.?]$/, slug)
      t.notMatch(sentence, /undefined|token|POST|\bAPI\b/, slug)
    }
  const describe = (slug: ProblemSlug, more: object) => describeProblem(problem(slug, 'id', more))
  t.match(describe('wrong-code', { attemptsRemaining: 4 }), /4 more times/)
  t.match(describe('wrong-code', { attemptsRemaining: 1 }), /You can try once more\.$/)
  t.match(describe('wrong-code', { attemptsRemaining: 0 }), /last attempt\. Please start again\.$/)
  const errors = [{ pointer: '#/data/payee', detail: 'is required' }]
  t.match(describe('invalid-request', { errors }), 'payee is required')
})

t.test('a detail that is a sentence is shown as it is', async t => {
  const { describeProblem } = await import(new URL('describe-problem.js', folder).href)
  const detail = 'The password must not contain the username.'
  const errors = [{ pointer: '#/newPassword', detail }]
  t.equal(describeProblem(problem('invalid-request', 'id', { errors })), detail)
})

t.test('the demo page finds the code in typed or pasted text', async t => {
  const { readCodeText } = await import(new URL('read-code-text.js', folder).href)
  const found = {
    '042137': '042137',
    '042 137': '042137',
    ' 042-137\n': '042137',
    '０４２１３７': '042137',
    '042137 is your Acme login code. It is good for 1 minute.': '042137',
    '042137 confirms this with Acme:\nSend 250000 EUR to Grace Hopper': '042137',
    '12a3': '123',
    12345678: '123456',
    'no digits': ''
  }
  for (const [text, code] of Object.entries(found)) t.equal(readCodeText(text, 6), code, text)
  t.equal(readCodeText('12345678', 8), '12345678')
})

t.test('the demo page accepts the digits of any script', async t => {
  const { readCodeText } = await import(new URL('read-code-text.js', folder).href)
  for (const text of codesInAllScripts('042137')) t.equal(readCodeText(text, 6), '042137', text)
  t.equal(readCodeText('٠٤٢ ١٣٧', 6), '042137')
  t.equal(readCodeText('کد: ۰۴۲۱۳۷', 6), '042137')
})

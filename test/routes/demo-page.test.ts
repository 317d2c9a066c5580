import { readdirSync } from 'node:fs'
import t from 'tap'
import { problemKinds, type ProblemSlug } from '../../src/http/problem-kinds.ts'
import { problem } from '../../src/http/problem.ts'
import { slugOf, start } from '../support/start.ts'

const folder = new URL('../../src/demo-page/', import.meta.url)
const paths = readdirSync(folder).map(name => name === 'index.html' ? '/' : `/demo/${name}`)

t.test('the page is served, and may load and call nothing but this service', async t => {
  const { app } = await start(t, { demoPage: true })
  const page = await app.inject('/')
  t.match(page.headers, { 'content-type': 'text/html; charset=utf-8', 'x-frame-options': 'DENY', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' })
  const policy = Object.fromEntries(String(page.headers['content-security-policy']).split(';').map(directive => directive.split(/ (.*)/)))
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
  t.notMatch(page.body, /<script>|<script [^>]*>[^<]|<style|style=|\son\w+=|(?:src|href|action)="https?:/, 'no script or style of its own is in it')
})

t.test('it loads all of its folder and nothing else, each file as what it is', async t => {
  const { app } = await start(t, { demoPage: true })
  const loaded = new Set<string>()
  const load = async (path: string) => {
    if (loaded.has(path)) return
    loaded.add(path)
    const { statusCode, headers, body } = await app.inject(path)
    t.equal(statusCode, 200, path)
    const type = path === '/' ? 'html' : path.endsWith('.css') ? 'css' : 'javascript'
    t.match(headers, { 'content-type': `text/${type}; charset=utf-8`, 'x-content-type-options': 'nosniff' }, path)
    // What a page loads it names in full, and a script the others beside it.
    for (const [, name = ''] of body.matchAll(/(?:src|href)="(\/[^"]+)"/g)) await load(name)
    for (const [, name = ''] of body.matchAll(/^import .* from '\.\/([^']+)'/gm)) await load(`/demo/${name}`)
  }
  await load('/')
  t.same([...loaded].sort(), paths.sort())
})

t.test('a script in it makes no markup of what it is told, and keeps nothing in the browser', async t => {
  const { app } = await start(t, { demoPage: true })
  for (const path of paths.filter(path => path.endsWith('.js'))) {
    const code = (await app.inject(path)).body.replaceAll(/^\s*(\/\/|\/?\*).*$/gm, '')
    t.notMatch(code, /innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|localStorage|sessionStorage|indexedDB|document\.cookie/, path)
  }
})

t.test('switched off, none of it is there', async t => {
  const { app } = await start(t, { docs: true })
  for (const path of ['/', ...paths]) t.equal(slugOf(await app.inject(path)), 'not-found', path)
})

t.test('a person is told of every problem in words of their own, with what the service knows of it', async t => {
  const { problemTexts } = await import(new URL('problem-texts.js', folder).href)
  const { unreachable, ...told } = problemTexts
  t.type(unreachable, 'string')
  t.same(Object.keys(told).sort(), Object.keys(problemKinds).sort())

  const facts = [{}, { attemptsRemaining: 0 }, { attemptsRemaining: 1 }, { attemptsRemaining: 4 }, { errors: [{ pointer: '#/data/payee', detail: 'is required' }] },
    ...['requests', 'passwords', 'codes', 'codes-off'].map(reason => ({ reason }))]
  for (const [slug, text] of Object.entries(told)) {
    for (const more of facts) {
      const sentence = typeof text === 'function' ? text(problem(slug as ProblemSlug, 'id', more as object)) : text
      t.match(sentence, /^[A-Z][^`_{}]+[.?]$/, slug)
      t.notMatch(sentence, /undefined|token|POST|\bAPI\b/, slug)
    }
  }
  t.match(problemTexts['wrong-code'](problem('wrong-code', 'id', { attemptsRemaining: 4 })), /4 more times/)
  t.match(problemTexts['invalid-request'](problem('invalid-request', 'id', { errors: [{ pointer: '#/data/payee', detail: 'is required' }] })), 'payee is required')
})

t.test('a code is found in what is typed or pasted', async t => {
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

import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'

const document = readFileSync(new URL('../SECURITY.md', import.meta.url), 'utf8')
const sourceOf = (path: string) => {
  const file = new URL(`${path}.test.ts`, import.meta.url)
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}
const requirements = [...document.matchAll(/^\| R(\d+) \|.*\| (.*) \|$/gm)].map(([, number, shown = '']) => ({ number: Number(number), shown }))

t.test('every threat names a test file that is there', async t => {
  const named = [...document.matchAll(/`test\/([\w/-]+)\.test\.ts`/g)].map(([, path = '']) => path)
  t.ok(named.length > 15)
  t.same(named.filter(path => sourceOf(path) === undefined), [])
})

t.test('every requirement has its row, and every test that a row names is there', async t => {
  const from = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, n) => first + n)
  t.same(requirements.map(({ number }) => number), from(1, 90))
  for (const { number, shown } of requirements) {
    let source = ''
    // A file, in backticks, then parts of names of tests in it, in italics.
    for (const [, path, name] of shown.matchAll(/`([\w/-]+)`|\*([^*]+)\*/g)) {
      if (path?.includes('/')) t.ok(sourceOf(path), `R${number}: ${path}`)
      if (path !== undefined) source = sourceOf(path) ?? source
      if (name !== undefined) t.ok(source.split('\n').some(line => line.includes('t.test(') && line.includes(name)), `R${number}: ${name}`)
    }
  }
})

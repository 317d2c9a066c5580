import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'

const readText = (file: string) => readFileSync(new URL(`../docs/${file}`, import.meta.url), 'utf8')
/** Returns the names of all tests in a file; undefined if the file does not exist. */
function testsIn(path: string): string[] | undefined {
  const file = new URL(`${path}.test.ts`, import.meta.url)
  if (!existsSync(file)) return undefined
  const name = /\.test\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g
  return [...readFileSync(file, 'utf8').matchAll(name)].map(([, , name = '']) => name)
}
const requirements = [...readText('requirements.md').matchAll(/^\| R(\d+) \|.*\| (.*) \|$/gm)].map(
  ([, number, shown = '']) => ({ number: Number(number), shown })
)

t.test('every threat names an existing test file', async t => {
  const named = [...readText('threat-model.md').matchAll(/`test\/([\w/-]+)\.test\.ts`/g)].map(
    ([, path = '']) => path
  )
  t.ok(named.length > 15)
  t.same(
    named.filter(path => testsIn(path) === undefined),
    []
  )
})

t.test('every requirement has a row, and every test that it names exists', async t => {
  const from = (first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, n) => first + n)
  t.same(
    requirements.map(({ number }) => number),
    from(1, 98)
  )
  for (const { number, shown } of requirements) {
    let names: string[] = []
    // A row names a file in backticks, then parts of the names of its tests in italics.
    for (const [, path, part] of shown.matchAll(/`([\w/-]+)`|\*([^*]+)\*/g)) {
      if (path?.includes('/')) t.ok(testsIn(path), `R${number}: ${path}`)
      if (path !== undefined) names = testsIn(path) ?? names
      if (part !== undefined)
        t.ok(
          names.some(name => name.includes(part)),
          `R${number}: ${part}`
        )
    }
  }
})

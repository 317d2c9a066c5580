import { readFileSync, writeFileSync } from 'node:fs'
import { problemKinds } from '../src/http/problems/problem-kinds.ts'
import { isMain } from '../src/commands/is-main.ts'

const file = new URL('../docs/errors.md', import.meta.url)

/** Returns the document with the current table of problems. */
export const withProblems = (document: string) => {
  const rows = Object.entries(problemKinds).map(
    ([slug, { status, meaning, remedy }]) =>
      `| \`${slug}\` | ${status} | ${meaning} | ${remedy} |\n`
  )
  const head = '| `type` ends in | status | meaning | what to do |\n| --- | --- | --- | --- |\n'
  const table = head + rows.join('')
  return document.replace(
    /(<!-- problems: npm run docs:problems -->\n)[^]*?(<!-- \/problems -->)/,
    (_, begin: string, end: string) => `${begin}\n${table}\n${end}`
  )
}

if (isMain(import.meta)) writeFileSync(file, withProblems(readFileSync(file, 'utf8')))

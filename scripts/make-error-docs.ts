import { readFileSync, writeFileSync } from 'node:fs'
import { problemKinds, type ProblemKind } from '../src/http/problems/problem-kinds.ts'
import { isMain } from '../src/commands/is-main.ts'

const file = new URL('../docs/errors.md', import.meta.url)

/** Returns the document with the current tables of problems. */
export const withProblems = (document: string) => {
  const rows = Object.entries(problemKinds).map(
    ([slug, { status, meaning, remedy }]) =>
      `| \`${slug}\` | ${status} | ${meaning} | ${remedy} |\n`
  )
  const head = '| `type` ends in | status | meaning | what to do |\n| --- | --- | --- | --- |\n'
  const table = head + rows.join('')
  const details = Object.entries(problemKinds).flatMap(([slug, { cases = {} }]: Entry) =>
    [...new Set(Object.values(cases))].map(
      detail => `| \`${slug}\` | ${detail.replace('{retryAfter}', '900')} |\n`
    )
  )
  const detailsHead = '| `type` ends in | `detail` |\n| --- | --- |\n'
  return document.replace(
    /(<!-- problems: npm run docs:problems -->\n)[^]*?(<!-- \/problems -->)/,
    (_, begin: string, end: string) =>
      `${begin}\n${table}\nIn these cases \`detail\` is more specific:\n\n` +
      `${detailsHead}${details.join('')}\n${end}`
  )
}

type Entry = [string, ProblemKind]

if (isMain(import.meta)) writeFileSync(file, withProblems(readFileSync(file, 'utf8')))

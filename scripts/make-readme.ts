import { readFileSync, writeFileSync } from 'node:fs'
import { problemKinds } from '../src/http/problem-kinds.ts'

const file = new URL('../README.md', import.meta.url)

/** The README with the table of problems as the code has them. */
export const withProblems = (readme: string) => {
  const rows = Object.entries(problemKinds).map(([slug, { status, meaning, remedy }]) => `| \`${slug}\` | ${status} | ${meaning} | ${remedy} |\n`)
  const table = `| \`type\` ends in | status | what it means | what to do |\n| --- | --- | --- | --- |\n${rows.join('')}`
  return readme.replace(/(<!-- problems: npm run readme -->\n)[^]*?(<!-- \/problems -->)/, (_, begin: string, end: string) => `${begin}\n${table}\n${end}`)
}

if (import.meta.url === `file://${process.argv[1]}`) writeFileSync(file, withProblems(readFileSync(file, 'utf8')))

import { readdirSync } from 'node:fs'
import t from 'tap'

/**
 * Runs the test files of a folder one after another in this process, because loading the service
 * and a database takes longer than most of them. Every file can also run alone, so none may leave
 * changes behind that another file would see.
 */
export function runFolder(name: string): void {
  const folder = new URL(`../${name}/`, import.meta.url)
  const environment = { ...process.env }
  // The files load inside a test, because tap ends a process that has no pending test while the
  // next file loads.
  t.test(`the test files in ${name}/ load`, async () => {
    for (const file of readdirSync(folder).filter(file => file.endsWith('.test.ts'))) {
      await import(new URL(file, folder).href)
      t.test(`${file} leaves the environment unchanged`, async t => {
        t.same({ ...process.env }, environment)
      })
    }
  })
}

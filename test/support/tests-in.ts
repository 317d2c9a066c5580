import { readdirSync } from 'node:fs'
import t from 'tap'

/**
 * Runs the test files of a folder one after another in this process, as to load the service and a database for each takes
 * longer than most of them do. Any of them can be run by itself, so none may leave behind what another would meet.
 */
export function testsIn (name: string): void {
  const folder = new URL(`../${name}/`, import.meta.url)
  const environment = { ...process.env }
  // Loaded by a test, as tap ends what has no test left while the next file is still on its way.
  t.test(`the tests in ${name}/ load`, async () => {
    for (const file of readdirSync(folder).filter(file => file.endsWith('.test.ts'))) {
      await import(new URL(file, folder).href)
      t.test(`${file} has left the environment as it was`, async t => { t.same({ ...process.env }, environment) })
    }
  })
}

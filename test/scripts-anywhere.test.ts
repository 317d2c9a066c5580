import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { unpackDatabase } from './support/database.ts'
import { startProgram } from './support/start-process.ts'

// Scripts detect whether they are the program that was started. With special characters or a
// symbolic link in its path, a script must not take itself for an import and do nothing.

const root = join(import.meta.dirname, '..')

/** Copies the project into a folder with special characters, optionally used through a link. */
function copy(t: Test, { linked = false } = {}) {
  const home = t.testdir()
  const folder = join(home, 'a b#c%20d')
  for (const name of ['src', 'scripts', 'examples', 'package.json', 'docs', 'openapi.yaml'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  symlinkSync(folder, join(home, 'link'))
  return { folder, path: linked ? join(home, 'link') : folder }
}

const tsx = join(root, 'node_modules/.bin/tsx')
const readText = (...path: string[]) => readFileSync(join(...path), 'utf8')

for (const linked of [false, true]) {
  t.test(
    `scripts run in a folder with special characters${linked ? ', through a symbolic link' : ''}`,
    async t => {
      const { folder, path } = copy(t, { linked })
      const run = async (program: string, file: string) =>
        t.match(
          await startProgram(t, program, [join(path, file)], { folder: path }).ended,
          { code: 0, stderr: '' },
          file
        )

      const errors = readText(folder, 'docs/errors.md')
      writeFileSync(
        join(folder, 'docs/errors.md'),
        errors.replace(
          /(<!-- problems: npm run docs:problems -->)[^]*(<!-- \/problems -->)/,
          '$1\n$2'
        )
      )
      await run(tsx, 'scripts/make-error-docs.ts')
      t.equal(readText(folder, 'docs/errors.md'), errors)

      const openapi = readText(folder, 'openapi.yaml')
      rmSync(join(folder, 'openapi.yaml'))
      await run(tsx, 'scripts/make-openapi.ts')
      t.equal(readText(folder, 'openapi.yaml'), openapi)

      const collection = readText(folder, 'examples/postman/collection.json')
      rmSync(join(folder, 'examples/postman/collection.json'))
      await run(tsx, 'scripts/make-postman.ts')
      t.equal(
        JSON.parse(readText(folder, 'examples/postman/collection.json')).item.length,
        JSON.parse(collection).item.length
      )

      const sample = startProgram(t, process.execPath, [join(path, 'examples/pay-once.mjs')], {
        folder: path
      })
      // If its port is in use, the example prints an error that names the port.
      await Promise.race([sample.prints(/:4000\/transfers/), sample.ended])
      sample.kill('SIGTERM')
      const { stdout, stderr } = await sample.ended
      t.match(stdout + stderr, /:4000/)
    }
  )
}

t.test('the service finds its files in a folder with special characters', async t => {
  const { folder } = copy(t)
  for (const name of ['dist', 'prisma'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  const migrate = join(folder, 'dist/commands/migrate.js')
  await unpackDatabase(join(folder, 'data/pglite'))
  const env = { DATABASE_URL: 'pglite:data/pglite' }
  t.match(await startProgram(t, process.execPath, [migrate], { folder, env }).ended, {
    code: 0,
    stdout: /nothing to apply/
  })
})

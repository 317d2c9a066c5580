import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'

// Before any test: the processes that tests start are the ones that users start, and those run from dist/.

const root = join(import.meta.dirname, '../..')
const built = join(root, 'dist/.tsbuildinfo')
const sources = ['src', 'prisma'].flatMap(folder => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(file => join(root, folder, file)))
const newest = Math.max(...[...sources, join(root, 'package.json')].map(file => statSync(file).mtimeMs))
if (!existsSync(built) || statSync(built).mtimeMs < newest) {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  // Where nothing came of it tsc leaves it as it was, and whoever asks next would build again, beside running tests.
  utimesSync(built, new Date(), new Date())
}

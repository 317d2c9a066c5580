import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'

// Builds before any test, because tests start processes from dist/, as users do.

const root = join(import.meta.dirname, '../..')
const built = join(root, 'dist/.tsbuildinfo')
const sources = ['src', 'prisma'].flatMap(folder =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(file =>
    join(root, folder, file)
  )
)
const newest = Math.max(
  ...[...sources, join(root, 'package.json')].map(file => statSync(file).mtimeMs)
)
if (!existsSync(built) || statSync(built).mtimeMs < newest) {
  execFileSync('npm', ['run', '--silent', 'build'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit']
  })
  // The compiler doesn't touch the file if its content is unchanged, so that each run would build
  // again.
  const now = new Date()
  utimesSync(built, now, now)
}

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import module from 'node:module'
import { isMainThread, threadId } from 'node:worker_threads'

// Lets Node run TypeScript by replacing types with blanks, which is enough for the syntax that
// tsconfig.json allows. All code keeps its position, so stack traces are correct without source
// maps. The results are cached across runs, because loading ts-blank-space takes longer than
// converting most files with it. tsx has a cache too, but takes up to half a second per test file
// to resolve modules.

const require = module.createRequire(import.meta.url)
const { version } = require('ts-blank-space/package.json')
const cache = new URL('../../node_modules/.cache/blanked-types/', import.meta.url)

/** The hook that Node calls to load a module. */
export function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context)
  const source = readFileSync(new URL(url), 'utf8')
  const file = new URL(
    createHash('sha256')
      .update(version + source)
      .digest('hex'),
    cache
  )
  if (!existsSync(file)) store(file, require('ts-blank-space').default(source))
  return { format: 'module', source: readFileSync(file), shortCircuit: true }
}

/**
 * Race: two test files may store the same module at once. Each renames a temporary file, so neither
 * reads a partial one.
 */
function store(file, code) {
  mkdirSync(cache, { recursive: true })
  const temporary = new URL(`${file}.${process.pid}.${threadId}`)
  writeFileSync(temporary, code)
  renameSync(temporary, file)
}

// tap enables source maps, but this project's modules have none, and reading those of packages is
// slow.
if (isMainThread) process.setSourceMapsEnabled(false)

// Before Node 22.15 only module.register exists. It loads this file again, in the thread that runs
// the hooks.
if (module.registerHooks) module.registerHooks({ load })
else if (isMainThread) module.register(import.meta.url)

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import module from 'node:module'
import { isMainThread, threadId } from 'node:worker_threads'

// Has Node run TypeScript by blanking out its types, which is all that tsconfig.json lets them
// need; what is left stays where it was, so stack traces are right without source maps. Kept for
// all runs, as the compiler takes longer to load than most of what it is loaded for; tsx, which
// keeps its results too, takes up to half a second of each test file to find modules.

const require = module.createRequire(import.meta.url)
const { version } = require('ts-blank-space/package.json')
const kept = new URL('../../node_modules/.cache/blanked-types/', import.meta.url)

/** Node's hook for loading a module. */
export function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context)
  const source = readFileSync(new URL(url), 'utf8')
  const file = new URL(
    createHash('sha256')
      .update(version + source)
      .digest('hex'),
    kept
  )
  if (!existsSync(file)) keep(file, require('ts-blank-space').default(source))
  return { format: 'module', source: readFileSync(file), shortCircuit: true }
}

/**
 * Written beside and renamed: two test files may be doing this at once, and neither may read half
 * of it.
 */
function keep(file, text) {
  mkdirSync(kept, { recursive: true })
  const beside = new URL(`${file}.${process.pid}.${threadId}`)
  writeFileSync(beside, text)
  renameSync(beside, file)
}

// Ours have none, and to read all those of packages, as tap has Node do, takes time.
if (isMainThread) process.setSourceMapsEnabled(false)

// The second is how it was before Node 22.15; there this file is loaded once more, into the thread
// that runs hooks.
if (module.registerHooks) module.registerHooks({ load })
else if (isMainThread) module.register(import.meta.url)

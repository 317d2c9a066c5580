const { join } = require('node:path')

// tap records the name and the lines of each file that a test loads. Most of them belong to
// packages. Excluding those saves half a second per test file. .taprc loads this file with
// --require, because Node loads such files before tap's imports.

const packages = /^node:|[\\/](node_modules|\.tap)[\\/]/

/** Returns a pattern for all files outside src/ and dist/, and for the generated Prisma client. */
function outsideSource() {
  const root = join(__dirname, '../../').replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^(?!${root}(src|dist)/)|^${root}(src|dist)/adapters/prisma/`)
}

const measured = process.env._TAPJS_PROCESSINFO_COVERAGE_ === '1'
process.env._TAPJS_PROCESSINFO_EXCLUDE_ = String(measured ? outsideSource() : packages)

const { join } = require('node:path')

// tap records the name and the lines of each file that a test loads. Most of them belong to
// packages. Excluding those saves half a second per test file. This file is required, because
// required files are loaded before tap's own imports.

const packages = /^node:|[\\/](node_modules|\.tap)[\\/]/

/** Everything but src/ and what is built from it. The Prisma client is generated. */
function exceptOurs() {
  const root = join(__dirname, '../../').replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^(?!${root}(src|dist)/)|^${root}(src|dist)/adapters/prisma/`)
}

const measured = process.env._TAPJS_PROCESSINFO_COVERAGE_ === '1'
process.env._TAPJS_PROCESSINFO_EXCLUDE_ = String(measured ? exceptOurs() : packages)

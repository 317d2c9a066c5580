// `npm start` loads this file first, with --require. libuv fixes the size of its thread pool at
// first use. In many versions of Node 20, 22 and 24 that is when the first ES module is loaded.
// Required modules are loaded without the pool.

try {
  const { exitWithoutTerminal, surviveSignals } = require('./terminal-hang-up.js') as typeof import(
    './terminal-hang-up.ts',
    { with: { 'resolution-mode': 'import' } }
  )
  surviveSignals()
  exitWithoutTerminal()
  const { loadConfig } = require('../config/config.js') as typeof import('../config/config.ts', {
    with: { 'resolution-mode': 'import' }
  })
  const { sizeThreadPool, startLowPriorityThreadPool } =
    require('./thread-pool.js') as typeof import('./thread-pool.ts', {
      with: { 'resolution-mode': 'import' }
    })
  const { tuneV8 } = require('./v8-flags.js') as typeof import('./v8-flags.ts', {
    with: { 'resolution-mode': 'import' }
  })
  tuneV8()
  sizeThreadPool(loadConfig())
  startLowPriorityThreadPool()
} catch {
  // main.ts reports an invalid configuration in one line. If a tracer hooks module loading, some
  // versions of Node can't require these files. Then the pool stays small, and main.ts lowers the
  // number of concurrent hashes. In a sandbox without priorities, the pool keeps normal priority.
}

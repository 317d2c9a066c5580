// What `npm start` has Node load first, with --require. The pool of threads has for good the size it has at its first use,
// which for many versions of Node 20, 22 and 24 is reading the first ES module; those that are required are read without it.

try {
  const { loadConfig, sizeThreadPool } = require('./config.js') as typeof import('./config.ts', { with: { 'resolution-mode': 'import' } })
  const { startYieldingPool } = require('./yielding-pool.js') as typeof import('./yielding-pool.ts', { with: { 'resolution-mode': 'import' } })
  const { fitV8 } = require('./v8-settings.js') as typeof import('./v8-settings.ts', { with: { 'resolution-mode': 'import' } })
  fitV8()
  sizeThreadPool(loadConfig())
  startYieldingPool()
} catch {
  // What is wrong with the configuration, main.ts says in its one line. And where something else has hooked into the loading
  // of modules, a tracer for one, some versions of Node can't require this: the pool stays small, and main.ts hashes less. Where
  // a sandbox allows no priorities, the threads of the pool yield to nobody.
}

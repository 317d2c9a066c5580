import { loadConfig, sizeThreadPool } from './config.ts'

// What `npm start` has Node load first, with --require. The pool of threads has for good the size it has at its first use,
// which for many versions of Node 20, 22 and 24 is reading the first ES module; those that are required are read without it.

try {
  sizeThreadPool(loadConfig())
} catch {
  // What is wrong with the configuration, main.ts says in its one line.
}

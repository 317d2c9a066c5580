import { setFlagsFromString } from 'node:v8'

/** Node 20 and 22 know nothing between compiling a function quickly and compiling it well; later ones have Maglev. */
const sooner: Record<string, string> = { 20: '--interrupt-budget=4000', 22: '--invocation-count-for-turbofan=300' }

/**
 * Fits V8 to a service that spends its time on hashes: it serves some forty logins a second and core, at which V8 would take
 * minutes until it thinks that compiling their code well is worth it, and longer still until it collects what it has promoted.
 */
export function fitV8 () {
  const flag = sooner[process.versions.node.split('.')[0] ?? '']
  if (flag !== undefined) setFlagsFromString(flag)
  // The heap may grow by a half, not fourfold, between two collections of all of it.
  setFlagsFromString('--heap-growing-percent=50')
}

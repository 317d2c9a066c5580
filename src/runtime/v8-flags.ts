import { setFlagsFromString } from 'node:v8'

/**
 * Node 20 and 22 optimize late, because they have no compiler between Sparkplug and TurboFan. Later
 * versions have Maglev.
 */
const tierUpFlags: Record<string, string> = {
  20: '--interrupt-budget=4000',
  22: '--invocation-count-for-turbofan=300'
}

/**
 * Tunes V8 for a low request rate. A core that hashes passwords serves about forty logins a second.
 * At that rate V8 needs minutes before it optimizes hot functions, and longer before it collects
 * old objects.
 */
export function tuneV8() {
  const flag = tierUpFlags[process.versions.node.split('.')[0] ?? '']
  if (flag !== undefined) setFlagsFromString(flag)
  // By default the heap may grow fourfold before a full collection. Limits that to half.
  setFlagsFromString('--heap-growing-percent=50')
}

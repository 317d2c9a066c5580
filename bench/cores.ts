import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

/**
 * The cores of the server and of everything else. `server` is null if it can't have its own core.
 */
export type Cores = { server: string; others: string; why?: never } | { server: null; why: string }

/**
 * Reserves the last core of this process for the server. Moves this process and its children to the
 * other cores, so that the client and PostgreSQL don't slow the server down.
 */
export function shareCores({ unpinned }: { unpinned: boolean }): Cores {
  if (unpinned) return { server: null, why: '--unpinned' }
  const allowed = allowedCores()
  const server = allowed.at(-1)
  if (allowed.length < 2 || server === undefined)
    return { server: null, why: 'there is only one core' }
  const others = allowed.slice(0, -1).join(',')
  try {
    execFileSync('taskset', ['-acp', others, String(process.pid)], { stdio: 'ignore' })
  } catch {
    return { server: null, why: 'taskset is not available' }
  }
  return { server: String(server), others }
}

/** Prefixes a command so that it runs on the server's core. */
export const onServerCore = ({ server }: Cores, command: readonly string[]) =>
  server === null ? command : ['taskset', '-c', server, ...command]

function allowedCores(): number[] {
  if (!existsSync('/proc/self/status')) return []
  const list =
    /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''
  return list.split(',').flatMap(range => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
}

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

/** Where the server runs, and everything else. `server` is null where it can't have a core of its own, and `why` says why. */
export type Cores = { server: string, others: string, why?: never } | { server: null, why: string }

/**
 * Gives the server the last of the cores this process may use, and moves this process, and with it what it starts, to the
 * others: what the client and PostgreSQL take is then not taken from the server.
 */
export function shareCores ({ unpinned }: { unpinned: boolean }): Cores {
  if (unpinned) return { server: null, why: 'as told' }
  const allowed = allowedCores()
  const server = allowed.at(-1)
  if (allowed.length < 2 || server === undefined) return { server: null, why: 'there is only one core' }
  const others = allowed.slice(0, -1).join(',')
  try {
    execFileSync('taskset', ['-acp', others, String(process.pid)], { stdio: 'ignore' })
  } catch {
    return { server: null, why: 'there is no taskset here' }
  }
  return { server: String(server), others }
}

/** A command as it is started on the server's core. */
export const onServerCore = ({ server }: Cores, command: readonly string[]) => server === null ? command : ['taskset', '-c', server, ...command]

function allowedCores (): number[] {
  if (!existsSync('/proc/self/status')) return []
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''
  return list.split(',').flatMap(range => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { onServerCore, type Cores } from './cores.ts'

/** Starts a program in this folder on the server's core. It responds to messages. */
export function startOnCore(cores: Cores, program: string, env: Record<string, string> = {}) {
  const [command = '', ...args] = onServerCore(cores, [
    process.execPath,
    '--import',
    'tsx',
    join(import.meta.dirname, program)
  ])
  const child = spawn(command, args, {
    cwd: join(import.meta.dirname, '..'),
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { PATH: process.env['PATH'], ...env }
  })
  const ended = once(child, 'exit')
  return {
    /** Sends a message and resolves to the response. Rejects if the program ends. */
    async request<T>(message: object): Promise<T> {
      child.send(message)
      const failure = ended.then(([code]) => {
        throw new Error(`bench/${program} ended (${code})`)
      })
      failure.catch(() => {})
      const [response] = await Promise.race([once(child, 'message'), failure])
      return response
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await ended
    }
  }
}

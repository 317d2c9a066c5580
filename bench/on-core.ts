import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { onServerCore, type Cores } from './cores.ts'

/** Starts a program of this folder that responds to messages on the server's core. */
export function startOnCore(cores: Cores, program: string, env: Record<string, string> = {}) {
  const [command = '', ...words] = onServerCore(cores, [
    process.execPath,
    '--import',
    'tsx',
    join(import.meta.dirname, program)
  ])
  const child = spawn(command, words, {
    cwd: join(import.meta.dirname, '..'),
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { PATH: process.env['PATH'], ...env }
  })
  const ended = once(child, 'exit')
  return {
    /** Sends a message and resolves to the response. Rejects if the program ends. */
    async ask<T>(message: object): Promise<T> {
      child.send(message)
      const died = ended.then(([code]) => {
        throw new Error(`bench/${program} ended (${code})`)
      })
      died.catch(() => {})
      const [answer] = await Promise.race([once(child, 'message'), died])
      return answer
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await ended
    }
  }
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Registers what has to be undone at the end. The last one is undone first. */
type AtEnd = (undo: () => Promise<void>) => void

/**
 * Runs a benchmark that is a program of its own, in a temporary folder, with the current build.
 * Afterwards, also after Ctrl-C, after `deadlineMs` or when `run` fails, undoes what it has
 * registered. Exits with the code that `run` resolves to.
 */
export async function runAlone(
  name: string,
  deadlineMs: number,
  run: (folder: string, atEnd: AtEnd) => Promise<number>
) {
  const folder = mkdtempSync(join(tmpdir(), 'sms-login-bench-'))
  const undos = [async () => rmSync(folder, { recursive: true, force: true })]

  let ending = false
  async function end(code: number, why?: string) {
    if (ending) return
    ending = true
    if (why !== undefined) console.error(`${name}: ${why}`)
    for (const undo of undos.reverse())
      await undo().catch((error: Error) => console.error(`left behind: ${error.message}`))
    process.exit(code)
  }

  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => void end(130, `stopped by ${signal}`))
  setTimeout(() => void end(1, 'timed out: something hangs'), deadlineMs).unref()
  await import('../test/support/build.ts')
  await run(folder, undo => undos.push(undo)).then(
    code => end(code),
    (error: Error) => end(1, error.message || String(error))
  )
}

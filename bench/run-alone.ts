import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Registers a clean-up for the end. Clean-ups run in reverse order. */
type AtEnd = (cleanUp: () => Promise<void>) => void

/**
 * Runs a separate benchmark program in a temporary folder, with the current build. Runs the
 * registered clean-ups at the end, even after Ctrl-C, after `deadlineMs` or if `run` fails. Exits
 * with the code that `run` resolves to.
 */
export async function runAlone(
  name: string,
  deadlineMs: number,
  run: (folder: string, atEnd: AtEnd) => Promise<number>
) {
  const folder = mkdtempSync(join(tmpdir(), 'sms-login-bench-'))
  const cleanUps = [async () => rmSync(folder, { recursive: true, force: true })]

  let ending = false
  async function end(code: number, reason?: string) {
    if (ending) return
    ending = true
    if (reason !== undefined) console.error(`${name}: ${reason}`)
    for (const cleanUp of cleanUps.reverse())
      await cleanUp().catch((error: Error) => console.error(`clean-up failed: ${error.message}`))
    process.exit(code)
  }

  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => void end(130, `stopped by ${signal}`))
  setTimeout(() => void end(1, 'timed out: something hangs'), deadlineMs).unref()
  await import('../test/support/build.ts')
  await run(folder, cleanUp => cleanUps.push(cleanUp)).then(
    code => end(code),
    (error: Error) => end(1, error.message || String(error))
  )
}

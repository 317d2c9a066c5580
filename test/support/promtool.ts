import { spawnSync } from 'node:child_process'
import { root } from './documents.ts'

/** Runs Prometheus' promtool in the project's folder, with this standard input. */
export function promtoolReading(input: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync('promtool', args, {
    cwd: root,
    input,
    encoding: 'utf8'
  })
  return { status, stdout, stderr }
}

export const promtool = (...args: string[]) => promtoolReading('', ...args)

/** The `skip` option of tests that need promtool. */
export const needsPromtool =
  promtool('--version').status !== 0 && 'needs promtool (apt-get install prometheus)'

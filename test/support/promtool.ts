import { spawnSync } from 'node:child_process'

const isInstalled = spawnSync('promtool', ['--version']).status === 0

/** The `skip` option of tests that need Prometheus' promtool. */
export const needsPromtool = !isInstalled && 'needs promtool (apt-get install prometheus)'

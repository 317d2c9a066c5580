import { execFileSync } from 'node:child_process'

// Before any test: the processes that tests start are the ones that users start, and those run from dist/.
execFileSync('npm', ['run', '--silent', 'build'], { stdio: ['ignore', 'ignore', 'inherit'] })

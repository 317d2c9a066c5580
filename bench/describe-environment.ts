import { availableParallelism, cpus, release, totalmem } from 'node:os'
import { createRequire } from 'node:module'
import { relative } from 'node:path'
import manifest from '../package.json' with { type: 'json' }
import { readConfig } from '../src/config/config.ts'
import type { Cores } from './cores.ts'
import type { PostgresServer } from './postgres.ts'
import { limits, tuning } from './server.ts'

/** Describes the machine, versions and settings, without which the results mean nothing. */
export function describeEnvironment(cores: Cores, postgres: PostgresServer) {
  const { policy, argon2 } = readConfig({ ...limits, ...tuning })
  return {
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      kernel: release()
    },
    versions: {
      node: process.version,
      postgres: postgres.version,
      service: manifest.version,
      ...manifest.dependencies
    },
    /** The path of argon2's binary: in prebuilds/ unless it was built on this machine. */
    argon2Binary: relative(process.cwd(), argon2Binary()),
    pinned: cores,
    postgresOurs: postgres.ours,
    argon2: {
      ...argon2,
      concurrency:
        'ARGON2_CONCURRENCY' in tuning
          ? argon2.concurrency
          : cores.server === null
            ? availableParallelism()
            : 1
    },
    tuning,
    limits: {
      ...policy.limits,
      codeTtl: policy.codeTtl,
      resendCooldown: policy.resendCooldown,
      conversion: policy.conversion,
      requestsOf: 'one address for each user, from a trusted proxy'
    }
  }
}

const require = createRequire(import.meta.url)
const argon2Binary = (): string =>
  require('node-gyp-build').resolve(
    require.resolve('argon2/package.json').replace(/\/package\.json$/, '')
  )

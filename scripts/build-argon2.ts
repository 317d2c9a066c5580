import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { median } from '../bench/statistics.ts'

// `npm run build:argon2` builds argon2's binary from the sources in the package for this CPU. The
// binary that the package contains runs on every CPU of its architecture, so it uses no newer
// instructions. Node prefers a binary in build/Release. This script puts one there only after both
// binaries have verified each other's digests.

const installed = dirname(createRequire(import.meta.url).resolve('argon2/package.json'))
const releaseOf = (folder: string) => join(folder, 'build/Release')

/** Compiles a copy of the package in `folder`. Throws an Error with the compiler's last lines. */
function compile(folder: string, march: string) {
  cpSync(installed, folder, { recursive: true, filter: path => path !== join(installed, 'build') })
  const gyp = process.env['npm_config_node_gyp']
  if (gyp === undefined) throw new Error('npm_config_node_gyp is not set: use npm run build:argon2')
  const flags = `-O3 -march=${march}`
  const { status, stderr } = spawnSync(process.execPath, [gyp, 'rebuild', ...headers()], {
    cwd: folder,
    encoding: 'utf8',
    // binding.gyp resolves node-addon-api, which is not in a parent folder of the copy.
    env: {
      ...process.env,
      NODE_PATH: [join(installed, 'node_modules'), dirname(installed)].join(':'),
      CFLAGS: flags,
      CXXFLAGS: flags
    }
  })
  if (status !== 0)
    throw new Error(`it could not be built:\n${stderr.trim().split('\n').slice(-15).join('\n')}`)
}

/**
 * Returns the option with the path of Node's headers, if Node was installed with them. Otherwise
 * node-gyp uses npm's `nodedir` or downloads them.
 */
function headers(): string[] {
  const prefix = join(process.execPath, '../..')
  const file = join(prefix, 'include/node/node_version.h')
  if (!existsSync(file)) return []
  const source = readFileSync(file, 'utf8')
  const version = ['MAJOR', 'MINOR', 'PATCH']
    .map(part => new RegExp(`define NODE_${part}_VERSION (\\d+)`).exec(source)?.[1])
    .join('.')
  return process.version === `v${version}` ? [`--nodedir=${prefix}`] : []
}

type Trial = { digest: string; ms: number }

/** Tests the binary that `env` selects, with `digest` or a new one. Throws an Error if it fails. */
function trial(env: NodeJS.ProcessEnv, digest?: string): Trial {
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [
      '--import',
      'tsx',
      join(import.meta.dirname, 'try-argon2.ts'),
      ...(digest === undefined ? [] : [digest])
    ],
    { encoding: 'utf8', env: { ...process.env, ...env } }
  )
  if (status !== 0)
    throw new Error(
      `the binary failed its test (${signal ?? status}): ` +
        (/Error: .*/.exec(stderr)?.[0] ?? "this CPU can't run it")
    )
  return JSON.parse(stdout)
}

/**
 * Returns how many times as fast the binary in `folder` is as the package's own. The two run in
 * turn, and each verifies a digest of the other.
 */
function compare(folder: string): number {
  let built: Trial | undefined
  return median(
    Array.from({ length: 5 }, () => {
      const prebuilt = trial({ PREBUILDS_ONLY: '1' }, built?.digest)
      built = trial({ ARGON2_PREBUILD: folder }, prebuilt.digest)
      return prebuilt.ms / built.ms
    })
  )
}

function build(march: string) {
  const folder = mkdtempSync(join(tmpdir(), 'build-argon2-'))
  try {
    compile(folder, march)
    const ratio = compare(folder)
    mkdirSync(releaseOf(installed), { recursive: true })
    // Renames a temporary file, so that no server loads a partial binary. A running server keeps
    // using the old one.
    const temporary = join(releaseOf(installed), `argon2.node.${process.pid}`)
    cpSync(join(releaseOf(folder), 'argon2.node'), temporary)
    renameSync(temporary, join(releaseOf(installed), 'argon2.node'))
    return ratio
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const {
  values: { march, undo }
} = parseArgs({
  options: {
    march: { type: 'string', default: process.env['ARGON2_MARCH'] || 'native' },
    undo: { type: 'boolean', default: false }
  }
})
try {
  if (undo) {
    rmSync(join(installed, 'build'), { recursive: true, force: true })
    console.log("argon2: the package's own binary is in use again")
  } else {
    if (!/^[\w.+-]+$/.test(march))
      throw new Error("--march must be the compiler's name of a CPU: native, x86-64-v3, …")
    const ratio = build(march)
    console.log(
      `argon2: built for ${march}, ${ratio.toFixed(2)} times as fast as the package's own ` +
        'binary, and in use from the next start'
    )
  }
} catch (error) {
  const current = existsSync(releaseOf(installed))
    ? 'the binary that was built before'
    : "the package's own binary"
  console.error(
    `argon2: ${error instanceof Error ? error.message : error}\n` +
      `Nothing has changed: ${current} stays in use.`
  )
  process.exitCode = 1
}

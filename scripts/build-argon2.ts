import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { median } from '../bench/statistics.ts'

// `npm run build:argon2`: builds argon2's binary from the package's own sources for the CPU at hand. The one that comes with
// the package must run everywhere, and so uses none of what CPUs have learned in twenty years. Loaded is whatever is in
// build/Release, if anything is; nothing is put there that wasn't seen to agree with the other one.

const installed = dirname(createRequire(import.meta.url).resolve('argon2/package.json'))
const releaseOf = (folder: string) => join(folder, 'build/Release')

/** Compiles a copy of the package in `folder`; throws an Error with what the compiler said last. */
function compile (folder: string, march: string) {
  cpSync(installed, folder, { recursive: true, filter: path => path !== join(installed, 'build') })
  const gyp = process.env['npm_config_node_gyp']
  if (gyp === undefined) throw new Error('npm did not say where its node-gyp is: use npm run build:argon2')
  const flags = `-O3 -march=${march}`
  const { status, stderr } = spawnSync(process.execPath, [gyp, 'rebuild', ...headers()], {
    cwd: folder,
    encoding: 'utf8',
    // binding.gyp asks Node for node-addon-api, which the copy is too far away to find.
    env: { ...process.env, NODE_PATH: [join(installed, 'node_modules'), dirname(installed)].join(':'), CFLAGS: flags, CXXFLAGS: flags }
  })
  if (status !== 0) throw new Error(`it could not be built:\n${stderr.trim().split('\n').slice(-15).join('\n')}`)
}

/** Node's headers where they came with it; where they didn't, node-gyp downloads them, unless npm's `nodedir` says where they are. */
function headers (): string[] {
  const prefix = join(process.execPath, '../..')
  const file = join(prefix, 'include/node/node_version.h')
  if (!existsSync(file)) return []
  const text = readFileSync(file, 'utf8')
  const version = ['MAJOR', 'MINOR', 'PATCH'].map(part => new RegExp(`define NODE_${part}_VERSION (\\d+)`).exec(text)?.[1]).join('.')
  return process.version === `v${version}` ? [`--nodedir=${prefix}`] : []
}

type Trial = { digest: string, ms: number }

/** Has the binary that `env` names prove itself; throws an Error when it doesn't. */
function trial (env: NodeJS.ProcessEnv, digest?: string): Trial {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'try-argon2.ts'), ...(digest === undefined ? [] : [digest])], { encoding: 'utf8', env: { ...process.env, ...env } })
  if (status !== 0) throw new Error(`it failed its trial (${signal ?? status}): ${/Error: .*/.exec(stderr)?.[0] ?? 'this CPU can\'t run it'}`)
  return JSON.parse(stdout)
}

/** How much faster the one in `folder` is than the package's own, in turns; each checks a digest of the other's. */
function compare (folder: string): number {
  const own = () => trial({ PREBUILDS_ONLY: '1' }, theirs?.digest)
  let theirs: Trial | undefined
  return median(Array.from({ length: 5 }, () => {
    const before = own()
    theirs = trial({ ARGON2_PREBUILD: folder }, before.digest)
    return before.ms / theirs.ms
  }))
}

function build (march: string) {
  const folder = mkdtempSync(join(tmpdir(), 'build-argon2-'))
  try {
    compile(folder, march)
    const ratio = compare(folder)
    mkdirSync(releaseOf(installed), { recursive: true })
    // Beside it and renamed: a server that has the old one open keeps it, and none ever loads half of one.
    const next = join(releaseOf(installed), `argon2.node.${process.pid}`)
    cpSync(join(releaseOf(folder), 'argon2.node'), next)
    renameSync(next, join(releaseOf(installed), 'argon2.node'))
    return ratio
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const { values: { march, undo } } = parseArgs({ options: { march: { type: 'string', default: process.env['ARGON2_MARCH'] || 'native' }, undo: { type: 'boolean', default: false } } })
try {
  if (undo) {
    rmSync(join(installed, 'build'), { recursive: true, force: true })
    console.log("argon2: the package's own binary is in use again")
  } else {
    if (!/^[\w.+-]+$/.test(march)) throw new Error('--march must be what the compiler calls a CPU: native, x86-64-v3, …')
    const ratio = build(march)
    console.log(`argon2: built for ${march}, ${ratio.toFixed(2)} times as fast as the package's own binary, and in use from the next start`)
  }
} catch (error) {
  console.error(`argon2: ${error instanceof Error ? error.message : error}\nNothing has changed: ${existsSync(releaseOf(installed)) ? 'the one that was built before' : "the package's own binary"} stays in use.`)
  process.exitCode = 1
}

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { full, quick } from './bench.ts'
import { shareCores, type Cores } from './cores.ts'
import { measurements, type Measurement, type Results } from './measurements.ts'
import { openBench } from './open-bench.ts'
import { findPostgres } from './postgres.ts'
import { report } from './report.ts'
import { surroundings } from './surroundings.ts'

// `npm run bench`: how close the service comes to what its hashes cost. See README.md beside this file.

const { values: told } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    unpinned: { type: 'boolean', default: false },
    out: { type: 'string', default: join(import.meta.dirname, 'results', `${new Date().toISOString().replaceAll(':', '-').slice(0, 19)}.json`) }
  }
})
/** Seconds after which something must be hanging. */
const deadline = told.quick ? 120 : 660
const sizes = told.quick ? quick : full

const folder = mkdtempSync(join(tmpdir(), 'sms-login-bench-'))
const undoings: (() => Promise<void>)[] = [async () => rmSync(folder, { recursive: true, force: true })]
let ending: string | undefined

/** Leaves nothing behind, and says in one line why it ends before its time. */
async function end (code: number, why?: string) {
  if (ending !== undefined) return
  ending = why ?? 'done'
  progress('')
  if (why !== undefined) console.error(`bench: ${why}`)
  setTimeout(() => process.exit(code || 1), 30_000)
  // The newest first: a server lets go of its database before that is dropped.
  for (const undo of undoings.reverse()) await undo().catch(error => console.error(`bench: left behind: ${error.message}`))
  process.exit(code)
}

const started = performance.now()
function progress (doing: string) {
  if (ending !== undefined && doing !== '') return
  const line = doing && `${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s  ${doing}`
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`)
  else if (line) console.error(line)
}

async function run () {
  const unknown = wanted.filter(name => !(name in measurements))
  if (unknown.length > 0) throw new Error(`there is no measurement ${unknown.join(', ')}; there are ${Object.keys(measurements).join(', ')}`)
  progress('a build, unless there is a fresh one')
  await import('../test/support/build.ts')
  const cores = shareCores(told)
  progress('a PostgreSQL')
  const postgres = await findPostgres(folder)
  undoings.push(postgres.stop)
  const about = surroundings(cores, postgres)
  const bench = await openBench({ sizes, cores, folder, postgres, progress }, undo => { undoings.push(undo) })

  const results: Record<string, unknown> = {}
  for (const name of wanted) results[name] = await measurements[name](bench)
  if (bench.phones.violations.length > 0) throw new Error(`Twilio would have refused: ${bench.phones.violations[0]}`)

  const seconds = Math.round((performance.now() - started) / 1000)
  mkdirSync(dirname(told.out), { recursive: true })
  writeFileSync(told.out, `${JSON.stringify({ date: new Date().toISOString(), seconds, quick: told.quick, ...about, sizes, ...results }, null, 2)}\n`)
  progress('')
  console.log(`${[...heading(about, cores), '', report(results as Partial<Results>)].join('\n')}\n\n${seconds} s; all of it in ${told.out}`)
}

/** The whole list, but for what a quick run has no time for, or those named. */
const wanted = (told.only?.split(',') ?? Object.keys(measurements).filter(name => name !== 'growth' || sizes.growthRounds > 0)) as Measurement[]

const heading = ({ machine, versions, argon2, argon2Binary, limits, tuning }: ReturnType<typeof surroundings>, cores: Cores) => [
  `${machine.cpu}, ${machine.cores} cores; Node ${versions.node}, PostgreSQL ${versions.postgres}`,
  cores.server === null ? `Not pinned: ${cores.why}. Client and database take their time from the server.` : `Server pinned to core ${cores.server}; client, Twilio's stand-in and PostgreSQL (where started here) to ${cores.others}.`,
  `argon2id m=${argon2.memoryKib} t=${argon2.time} p=1, ${argon2.concurrency} at once, ${argon2.queue} may wait; ${argon2Binary}`,
  ...(Object.keys(tuning).length > 0 ? [`Set: ${JSON.stringify(tuning)}`] : []),
  `Limits in force: ${Object.entries(limits).map(([name, value]) => `${name} ${typeof value === 'object' ? Object.values(value).join('/') : value}`).join(', ')}.`
]

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => { end(130, `stopped by ${signal}`) })
setTimeout(() => { end(1, `not done after ${deadline} s: something hangs`) }, deadline * 1000)
await run().then(() => end(0), error => end(1, error.message || String(error)))

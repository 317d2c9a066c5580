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
import { describeEnvironment } from './describe-environment.ts'

// `npm run bench` compares the service with the cost of its password hashes. See bench/README.md.

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    unpinned: { type: 'boolean', default: false },
    out: {
      type: 'string',
      default: join(
        import.meta.dirname,
        'results',
        `${new Date().toISOString().replaceAll(':', '-').slice(0, 19)}.json`
      )
    }
  }
})
const deadlineSeconds = options.quick ? 120 : 660
const sizes = options.quick ? quick : full

const folder = mkdtempSync(join(tmpdir(), 'sms-login-bench-'))
const cleanUps: (() => Promise<void>)[] = [
  async () => rmSync(folder, { recursive: true, force: true })
]
let ending: string | undefined

/** Removes everything that was started. `reason` is one line about an early end. */
async function end(code: number, reason?: string) {
  if (ending !== undefined) return
  ending = reason ?? 'done'
  progress('')
  if (reason !== undefined) console.error(`bench: ${reason}`)
  setTimeout(() => process.exit(code || 1), 30_000)
  // In reverse order, so that a server stops before its database is dropped.
  for (const cleanUp of cleanUps.reverse())
    await cleanUp().catch(error => console.error(`bench: clean-up failed: ${error.message}`))
  process.exit(code)
}

const started = performance.now()
function progress(step: string) {
  if (ending !== undefined && step !== '') return
  const line = step && `${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s  ${step}`
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`)
  else if (line) console.error(line)
}

async function run() {
  const unknown = wanted.filter(name => !(name in measurements))
  if (unknown.length > 0)
    throw new Error(
      `there is no measurement ${unknown.join(', ')}; ` +
        `the measurements are ${Object.keys(measurements).join(', ')}`
    )
  progress('building, if necessary')
  await import('../test/support/build.ts')
  const cores = shareCores(options)
  progress('starting PostgreSQL')
  const postgres = await findPostgres(folder)
  cleanUps.push(postgres.stop)
  const environment = describeEnvironment(cores, postgres)
  const bench = await openBench({ sizes, cores, folder, postgres, progress }, cleanUp => {
    cleanUps.push(cleanUp)
  })

  const results: Record<string, unknown> = {}
  for (const name of wanted) results[name] = await measurements[name](bench)
  if (bench.phones.violations.length > 0)
    throw new Error(`Twilio would have refused: ${bench.phones.violations[0]}`)

  const seconds = Math.round((performance.now() - started) / 1000)
  mkdirSync(dirname(options.out), { recursive: true })
  const date = new Date().toISOString()
  const file = { date, seconds, quick: options.quick, ...environment, sizes, ...results }
  writeFileSync(options.out, `${JSON.stringify(file, null, 2)}\n`)
  progress('')
  for (const line of heading(environment, cores)) console.log(line)
  console.log(`\n${report(results as Partial<Results>)}\n`)
  console.log(`${seconds} s; complete results in ${options.out}`)
}

/** The measurements in --only, or all that this run includes. */
const wanted = (options.only?.split(',') ??
  Object.keys(measurements).filter(
    name => name !== 'growth' || sizes.growthRounds > 0
  )) as Measurement[]

const heading = (
  {
    machine,
    versions,
    argon2,
    argon2Binary,
    limits,
    tuning
  }: ReturnType<typeof describeEnvironment>,
  cores: Cores
) => [
  `${machine.cpu}, ${machine.cores} cores; Node ${versions.node}, PostgreSQL ${versions.postgres}`,
  cores.server === null
    ? `Not pinned: ${cores.why}. The client and the database compete with the server for CPU.`
    : `Server pinned to core ${cores.server}; client, Twilio stand-in and own PostgreSQL ` +
      `to ${cores.others}.`,
  `argon2id m=${argon2.memoryKib} t=${argon2.time} p=1, ` +
    `${argon2.concurrency} concurrent, ${argon2.queue} queued; ${argon2Binary}`,
  ...(Object.keys(tuning).length > 0 ? [`Set: ${JSON.stringify(tuning)}`] : []),
  `Limits: ${Object.entries(limits)
    .map(
      ([name, value]) =>
        `${name} ${typeof value === 'object' ? Object.values(value).join('/') : value}`
    )
    .join(', ')}.`
]

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    void end(130, `stopped by ${signal}`)
  })
setTimeout(() => {
  void end(1, `timed out after ${deadlineSeconds} s: something hangs`)
}, deadlineSeconds * 1000)
await run().then(
  () => end(0),
  error => end(1, error.message || String(error))
)

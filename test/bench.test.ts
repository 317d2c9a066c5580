import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { needsServer, serverUrl } from './support/database.ts'
import { startProgram } from './support/start-process.ts'

const bench = (folder: string, env: Record<string, string>, ...args: string[]) =>
  startProgram(
    t,
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, '../bench/main.ts'), ...args],
    { folder, env }
  )

t.test('the benchmark prints one line when PostgreSQL does not respond', async t => {
  const { code, stderr } = await bench(process.cwd(), {
    BENCH_DATABASE_URL: 'postgresql://127.0.0.1:1/none'
  }).ended
  t.equal(code, 1)
  t.match(stderr, /^bench: the PostgreSQL server of BENCH_DATABASE_URL doesn't respond: .*\n$/m)
})

// This test shows that the benchmark runs. Its results mean nothing on a machine busy with tests.

t.test(
  'the benchmark counts statements and records machine and versions',
  { skip: needsServer },
  async t => {
    const out = join(t.testdir(), 'results.json')
    const { code, stderr } = await bench(
      process.cwd(),
      { BENCH_DATABASE_URL: String(serverUrl) },
      '--quick',
      '--only',
      'statements',
      '--out',
      out
    ).ended
    t.equal(code, 0, stderr)
    const { machine, versions, limits, statements, argon2Binary } = JSON.parse(
      readFileSync(out, 'utf8')
    )
    t.match(
      { machine, versions, limits, argon2Binary },
      {
        machine: { cpu: String, cores: Number },
        versions: { node: process.version, postgres: String, argon2: String },
        limits: { requests: 60 },
        argon2Binary: /\.node$/
      }
    )
    for (const kind of ['login', 'loginWhileFresh', 'resend', 'verify', 'refresh', 'me'])
      t.type(statements[kind], 'number', kind)
  }
)

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startProcess, watch } from '../support/start-process.ts'

const skip = !existsSync('/proc/self/task')
const dist = `${join(import.meta.dirname, '../../dist')}/`
const folder = t.testdir({ '.env': 'ARGON2_CONCURRENCY=6\n' })

t.test(
  'the thread pool has two threads more than the hashing concurrency by default',
  { skip },
  async t => {
    // Those of the pool can't be told from the others on every Node, but those are always as many.
    const ours = await threads(t)
    const operators = await threads(t, { UV_THREADPOOL_SIZE: '25' })
    t.equal(operators.length - ours.length, 25 - (6 + 2))
  }
)

t.test('only the threads of the pool run at low priority', { skip }, async t => {
  const priorities = await threads(t)
  t.same(
    priorities.filter(priority => priority !== 0),
    Array(6 + 2).fill(2)
  )
  t.equal(priorities[0], 0, 'the first is the one that answers')
})

t.test('without the preload, two of four pool threads stay free of hashing', async t => {
  const server = watch(t, process.execPath, [`${dist}main.js`], {
    folder,
    env: { PORT: '0', DATABASE_URL: 'postgresql://127.0.0.1:1/none' }
  })
  const [line] = await server.prints(/\{.*fewer concurrent hashes.*\}/)
  t.match(JSON.parse(line), { level: 'warn', atOnce: 2 })
})

t.test('an invalid configuration prints one line with the preload too', async t => {
  const { code, stderr } = await startProcess(t, 'main', {
    folder,
    env: { ARGON2_CONCURRENCY: 'many' }
  }).ended
  t.equal(code, 1)
  t.match(stderr, /^sms-login can't start: ARGON2_CONCURRENCY must .*\n$/)
})

t.test('V8 optimizes a function after a thousand calls', async t => {
  const program = `import { setFlagsFromString } from 'node:v8'
    setFlagsFromString('--allow-natives-syntax')
    const isOptimized = Function('f', 'return (%GetOptimizationStatus(f) & 16) !== 0')
    const work = text => [text.length, text.charCodeAt(0), text.charCodeAt(1)]
    for (let turn = 0; turn < 1000; turn++) work('text')
    await new Promise(resolve => setTimeout(resolve, 200))
    work('text')
    console.log(isOptimized(work))`
  const run = (...words: string[]) =>
    watch(
      t,
      'env',
      ['-u', 'NODE_OPTIONS', process.execPath, ...words, '--input-type=module', '--eval', program],
      { folder }
    ).ended
  t.same(await run('--require', `${dist}runtime/preload.cjs`), {
    code: 0,
    stdout: 'true\n',
    stderr: ''
  })
})

/**
 * The priorities of the threads of a process that has loaded the preload first, and used the pool.
 */
async function threads(t: Test, env: Record<string, string> = {}): Promise<number[]> {
  const program =
    "import { readdir } from 'node:fs/promises'; import { getPriority } from 'node:os'; console.log(JSON.stringify((await readdir('/proc/self/task')).map(Number).map(getPriority)))"
  const { code, stdout, stderr } = await watch(
    t,
    'env',
    [
      '-u',
      'NODE_OPTIONS',
      process.execPath,
      '--require',
      `${dist}runtime/preload.cjs`,
      '--input-type=module',
      '--eval',
      program
    ],
    { folder, env }
  ).ended
  t.equal(code, 0, stderr)
  return JSON.parse(stdout)
}

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startProcess, startProgram } from '../support/start-process.ts'

const skip = !existsSync('/proc/self/task')
const dist = `${join(import.meta.dirname, '../../dist')}/`
const folder = t.testdir({ '.env': 'ARGON2_CONCURRENCY=6\n' })

t.test(
  'the thread pool has two threads more than the hashing concurrency by default',
  { skip },
  async t => {
    // Compares two totals, because pool threads cannot be identified on every version of Node, but
    // the number of other threads is constant.
    const byDefault = await threadPriorities(t)
    const configured = await threadPriorities(t, { UV_THREADPOOL_SIZE: '25' })
    t.equal(configured.length - byDefault.length, 25 - (6 + 2))
  }
)

t.test('only the threads of the pool run at low priority', { skip }, async t => {
  const priorities = await threadPriorities(t)
  t.same(
    priorities.filter(priority => priority !== 0),
    Array(6 + 2).fill(2)
  )
  t.equal(priorities[0], 0, 'the main thread has normal priority')
})

t.test('without the preload, two of four pool threads stay free of hashing', async t => {
  const server = startProgram(t, process.execPath, [`${dist}main.js`], {
    folder,
    env: { PORT: '0', DATABASE_URL: 'postgresql://127.0.0.1:1/none' }
  })
  const [line] = await server.prints(/\{.*fewer concurrent hashes.*\}/)
  t.match(JSON.parse(line), { level: 'warn', atOnce: 2 })
})

t.test('an invalid configuration prints one line even with the preload', async t => {
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
    for (let i = 0; i < 1000; i++) work('text')
    await new Promise(resolve => setTimeout(resolve, 200))
    work('text')
    console.log(isOptimized(work))`
  const run = (...args: string[]) =>
    startProgram(
      t,
      'env',
      ['-u', 'NODE_OPTIONS', process.execPath, ...args, '--input-type=module', '--eval', program],
      { folder }
    ).ended
  t.same(await run('--require', `${dist}runtime/preload.cjs`), {
    code: 0,
    stdout: 'true\n',
    stderr: ''
  })
})

/** The priorities of all threads of a process that loaded the preload first and used the pool. */
async function threadPriorities(t: Test, env: Record<string, string> = {}): Promise<number[]> {
  const program =
    "import { readdir } from 'node:fs/promises'; import { getPriority } from 'node:os'; " +
    "const threads = (await readdir('/proc/self/task')).map(Number); " +
    'console.log(JSON.stringify(threads.map(getPriority)))'
  const { code, stdout, stderr } = await startProgram(
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

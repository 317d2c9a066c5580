import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createLogDestination } from '../../src/adapters/logs/log-destination.ts'

/** A pipe whose content stays until `read` is called. */
function pipe(t: Test) {
  const path = join(t.testdir(), 'pipe')
  execFileSync('mkfifo', [path])
  const file = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  t.teardown(() => closeSync(file))
  const buffer = Buffer.alloc(1024 * 1024)
  const read = () => {
    try {
      return buffer.toString('utf8', 0, readSync(file, buffer))
    } catch {
      return '' // The pipe is empty.
    }
  }
  return { file, read }
}

const lineOf = (n: number) => `${JSON.stringify({ n, text: 'ü'.repeat(500) })}\n`
const numbersIn = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line).n)

t.test('without buffering a line is written when write returns', async t => {
  const { file, read } = pipe(t)
  const { write } = createLogDestination({ file, buffered: false })
  write('one\n')
  t.equal(read(), 'one\n')
})

t.test('with buffering lines are written together after a moment or on a flush', async t => {
  const { file, read } = pipe(t)
  const { write, flushSync } = createLogDestination({ file, buffered: true })
  write('one\n')
  write('two\n')
  t.equal(read(), '')
  await sleep(200)
  t.equal(read(), 'one\ntwo\n')
  write('three\n')
  flushSync()
  t.equal(read(), 'three\n')
})

for (const buffered of [false, true]) {
  t.test(
    `a slow reader gets every line in order ${buffered ? 'with' : 'without'} buffering`,
    async t => {
      const { file, read } = pipe(t)
      const { write } = createLogDestination({ file, buffered })
      for (let n = 0; n < 300; n++) write(lineOf(n)) // More than a pipe holds.
      let all = ''
      while (!all.endsWith(lineOf(299))) {
        await sleep(10)
        all += read()
      }
      t.same(
        numbersIn(all),
        Array.from({ length: 300 }, (_, n) => n)
      )
    }
  )
}

t.test('lines beyond a waiting MiB are dropped and their number is logged', async t => {
  const { file, read } = pipe(t)
  const { write } = createLogDestination({ file, buffered: true })
  for (let n = 0; n < 3000; n++) write(lineOf(n))
  let all = ''
  while (!all.includes('were lost')) {
    await sleep(10)
    all += read()
  }
  const lines = all
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  const last = lines.pop()
  t.match(last, { level: 'warn', time: String, lost: 3000 - lines.length })
  t.same(
    lines.map(({ n }) => n),
    Array.from({ length: lines.length }, (_, n) => n),
    'the oldest lines are kept'
  )
  t.ok(lines.length > 1000)
})

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { slugOf, startApp } from '../support/start-app.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** MiB of living objects. */
function heap() {
  collect()
  return process.memoryUsage().heapUsed / 2 ** 20
}

t.test('thousands of usernames of any length leave at most 8 MiB in memory', async t => {
  const { login, logged } = await startApp(t, {
    limits: { requests: 1, passwordFailures: 10, messagesPerNetworkHour: 300 }
  })
  const tryName = (n: number) =>
    // Each character becomes eighteen when it is folded (NFKC).
    login({ username: `${n}${'\ufdfa'.repeat(250)}`, password: 'not the password' })
  // What is loaded and compiled once is not what is measured.
  for (let n = 0; n < 200; n++) await tryName(n)
  logged.length = 0
  const before = heap()
  for (let n = 0; n < 2500; n++) {
    if (n % 500 === 0) logged.length = 0
    const answer = await tryName(1000 + n)
    if (n % 500 === 0) t.equal(slugOf(answer), 'too-many-attempts')
  }
  logged.length = 0
  t.ok(heap() - before < 8, `${before.toFixed(1)} MiB before`)
})

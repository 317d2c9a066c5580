import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { slugOf, startApp } from '../support/start-app.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** The size of all reachable objects in MiB. */
function usedHeap() {
  collect()
  return process.memoryUsage().heapUsed / 2 ** 20
}

t.test('thousands of usernames of any length leave at most 8 MiB in memory', async t => {
  const { login, logged } = await startApp(t, {
    limits: { requests: 1, passwordFailures: 10, messagesPerNetworkHour: 300 }
  })
  const tryName = (n: number) =>
    // NFKC expands each of these characters to eighteen.
    login({ username: `${n}${'\ufdfa'.repeat(250)}`, password: 'not the password' })
  // A warm-up, because code that is loaded and compiled once is not part of the measurement.
  for (let n = 0; n < 200; n++) await tryName(n)
  logged.length = 0
  const before = usedHeap()
  for (let n = 0; n < 2500; n++) {
    if (n % 500 === 0) logged.length = 0
    const response = await tryName(1000 + n)
    if (n % 500 === 0) t.equal(slugOf(response), 'too-many-attempts')
  }
  logged.length = 0
  t.ok(usedHeap() - before < 8, `${before.toFixed(1)} MiB before`)
})

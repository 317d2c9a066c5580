import { mock } from 'node:test'
import Fastify from 'fastify'
import pino from 'pino'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/config/config.ts'
import { runTimers } from '../../src/runtime/run-timers.ts'
import { spyOnKinds } from '../support/spy-on-kinds.ts'
import { startApp } from '../support/start-app.ts'

const [bcrypt4, bcrypt5] = ['04', '05'].map(
  cost => `$2b$${cost}$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTTOq`
) as [string, string]

/** Starts the timers of a server with one user. `setDigest` sets the user's password digest. */
async function startTimers(t: Test) {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const { users, passwords, prisma, countryTraffic, clock } = await startApp(t)
  const setDigest = (passwordDigest: string) =>
    users.change({ username: 'ada' }, { passwordDigest }, clock())
  await setDigest(bcrypt4)
  let isBroken = false
  const logged: string[] = []
  const app = Fastify()
  t.teardown(() => app.close())
  await runTimers(app, {
    prisma: new Proxy(prisma, {
      get(target, name: keyof typeof prisma) {
        if (isBroken && name === 'user') throw new Error('the database is unreachable')
        return target[name]
      }
    }),
    countryTraffic,
    passwords,
    clock,
    policy: readConfig({}).policy,
    log: pino({}, { write: (line: string) => logged.push(line) })
  })
  const kinds = spyOnKinds(t)
  return {
    logged,
    setDigest,
    break: () => {
      isBroken = true
    },
    /** Returns the kind of hash with which an unknown user is compared. */
    async decoyKind() {
      kinds.take()
      await passwords.verify({ usernameKey: 'nobody', digest: null }, 'anchors aweigh')
      return kinds.take()[0]
    },
    /** Advances the timers by a minute and waits until `isDone`. */
    async passMinute(isDone: () => Promise<boolean> | boolean) {
      mock.timers.tick(60_000)
      while (!(await isDone())) await new Promise(resolve => setImmediate(resolve))
    }
  }
}

t.test('decoys have the stored kinds from the first request on', async t => {
  const { decoyKind } = await startTimers(t)
  t.equal(await decoyKind(), 'bcrypt:4')
})

t.test('a running server uses new kinds of hashes within a minute', async t => {
  const { passMinute, setDigest, decoyKind } = await startTimers(t)
  await setDigest(bcrypt5)
  t.equal(await decoyKind(), 'bcrypt:4')
  await passMinute(async () => (await decoyKind()) !== 'bcrypt:4')
  t.equal(await decoyKind(), 'bcrypt:5')
})

t.test('if the kinds cannot be counted, the previous kinds stay in use', async t => {
  const { break: breakDatabase, logged, passMinute, setDigest, decoyKind } = await startTimers(t)
  await setDigest(bcrypt5)
  breakDatabase()
  await passMinute(() => logged.some(line => line.includes('were not counted')))
  t.equal(await decoyKind(), 'bcrypt:4')
})

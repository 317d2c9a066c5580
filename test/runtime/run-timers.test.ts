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

/** The periodic work of a server with one user, whose password is set with `setDigest`. */
async function withTimers(t: Test) {
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
        if (isBroken && name === 'user') throw new Error('the database is gone')
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
    /** The kind of hash that an unknown user costs. */
    async unknownKind() {
      kinds.take()
      await passwords.verify({ usernameKey: 'nobody', digest: null }, 'anchors aweigh')
      return kinds.take()[0]
    },
    /** Lets a minute pass and waits for what is due, until `isDone`. */
    async passMinute(isDone: () => Promise<boolean> | boolean) {
      mock.timers.tick(60_000)
      while (!(await isDone())) await new Promise(resolve => setImmediate(resolve))
    }
  }
}

t.test('the first request already meets decoys of the stored kinds', async t => {
  const { unknownKind } = await withTimers(t)
  t.equal(await unknownKind(), 'bcrypt:4')
})

t.test('a running server knows new kinds of hashes within a minute', async t => {
  const { passMinute, setDigest, unknownKind } = await withTimers(t)
  await setDigest(bcrypt5)
  t.equal(await unknownKind(), 'bcrypt:4')
  await passMinute(async () => (await unknownKind()) !== 'bcrypt:4')
  t.equal(await unknownKind(), 'bcrypt:5')
})

t.test('when the kinds cannot be counted, the earlier ones stay, with a warning', async t => {
  const { break: breakDatabase, logged, passMinute, setDigest, unknownKind } = await withTimers(t)
  await setDigest(bcrypt5)
  breakDatabase()
  await passMinute(() => logged.some(line => line.includes('were not counted')))
  t.equal(await unknownKind(), 'bcrypt:4')
})

import t from 'tap'
import { ada, slugOf, start } from '../support/start.ts'

// Enough to see it act, and no second of it: what all instances count together is looked at once a second.
const conversion = { floor: 25, volume: 8, pause: 900 }
const policy = { conversion, resendCooldown: 0 }
const briton = { username: 'briton', password: 'mind the gap', phone: '+447400123456' }

t.test('when too few codes of a country come back, texts there stop for a while, the log says so once, and other countries go on', async t => {
  const { login, accessToken, addUser, wait, logged, twilio } = await start(t, { policy })
  await addUser(briton)
  await accessToken()
  for (let n = 0; n < 7; n++) {
    wait(1)
    t.equal((await login()).statusCode, 200, 'below the volume nothing is said')
  }
  wait(1)
  const refused = await login()
  t.match(refused.json(), { status: 429, type: /too-many-texts$/, retryAfter: 900 })
  t.equal(twilio.texts.length, 8)
  const lines = logged.map(line => JSON.parse(line)).filter(({ event }) => event === 'country.stopped')
  t.match(lines, [{ level: 40, country: 'US', texts: 8, verified: 1 }])
  t.equal(lines.length, 1)
  t.ok(await accessToken(briton))

  wait(899)
  t.equal(slugOf(await login()), 'too-many-texts')
  wait(1)
  t.equal((await login()).statusCode, 200, 'and then it begins anew')
})

t.test('a country whose codes come back is never stopped', async t => {
  const { login, accessToken, wait } = await start(t, { policy })
  for (let n = 0; n < 30; n++) {
    wait(1)
    if (n % 3 === 0) t.ok(await accessToken())
    else t.equal((await login()).statusCode, 200)
  }
})

t.test('texts of an hour ago count no more', async t => {
  const { login, wait } = await start(t, { policy })
  for (let n = 0; n < 30; n++) {
    wait(600)
    t.equal((await login()).statusCode, 200)
  }
})

t.test('instances see what the others have sent, and one of them tells', async t => {
  const secrets = [Buffer.alloc(32, 1)] as const
  const one = await start(t, { policy, secrets })
  const other = await start(t, { policy, secrets, database: one.database, clock: one.clock, withoutUsers: true })
  for (let n = 0; n < 10; n++) {
    one.wait(1)
    await (n % 2 === 0 ? one : other).login()
  }
  for (const { login } of [one, other]) {
    one.wait(1)
    t.equal(slugOf(await login()), 'too-many-texts')
  }
  const lines = [...one.logged, ...other.logged].filter(line => JSON.parse(line).event === 'country.stopped')
  t.equal(lines.length, 1)
})

t.test('with a floor of 0 nothing is stopped', async t => {
  const { login, wait } = await start(t, { policy: { ...policy, conversion: { ...conversion, floor: 0 } } })
  for (let n = 0; n < 12; n++) {
    wait(1)
    t.equal((await login(ada)).statusCode, 200)
  }
})

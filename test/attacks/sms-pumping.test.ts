import t from 'tap'
import { ada, codeIn, slugOf, startApp } from '../support/start-app.ts'

const conversion = { floor: 25, volume: 8, pause: 900 }
// Codes live one second, because a message counts once its code has expired. The shared counts of
// all instances are read at the same interval.
const policy = { conversion, resendCooldown: 0, codeTtl: 1 }
const briton = { username: 'briton', password: 'mind the gap', phone: '+447400123456' }

t.test('a country whose codes are not entered is paused', async t => {
  const { login, accessToken, addUser, wait, logged, twilio } = await startApp(t, { policy })
  await addUser(briton)
  await accessToken()
  for (let n = 0; n < 7; n++) {
    wait(1)
    t.equal((await login()).statusCode, 200, 'below the volume')
  }
  wait(2)
  const refused = await login()
  t.match(refused.json(), { status: 429, type: /too-many-texts$/, retryAfter: 900 })
  t.equal(twilio.messages.length, 8)
  const lines = logged
    .map(line => JSON.parse(line))
    .filter(({ event }) => event === 'sms.country_paused')
  t.match(lines, [{ level: 40, country: 'US', messages: 8, verified: 1 }])
  t.equal(lines.length, 1)
  t.ok(await accessToken(briton))

  wait(899)
  t.equal(slugOf(await login()), 'too-many-texts')
  wait(1)
  t.equal((await login()).statusCode, 200, 'the counts start again')
})

t.test('a country whose codes are entered is never paused', async t => {
  const { login, accessToken, wait } = await startApp(t, { policy })
  for (let n = 0; n < 30; n++) {
    wait(1)
    if (n % 3 === 0) t.ok(await accessToken())
    else t.equal((await login()).statusCode, 200)
  }
})

t.test('a country is paused below the floor, not at it', async t => {
  for (const [verified, slug] of [
    [5, undefined],
    [4, 'too-many-texts']
  ] as const) {
    const { clock, countryTraffic, login, wait } = await startApp(t, { policy })
    for (let n = 0; n < 20; n++) countryTraffic.recordSent('US', clock())
    for (let n = 0; n < verified; n++) countryTraffic.recordVerified('US')
    wait(2)
    t.equal(slugOf(await login()), slug)
  }
})

t.test('a burst of users who have not yet entered their codes causes no pause', async t => {
  const { login, verify, addUser, wait, twilio } = await startApp(t, {
    policy: { ...policy, codeTtl: 60 }
  })
  const users = Array.from({ length: 30 }, (_, n) => ({
    ...ada,
    username: `ada-${n}`,
    phone: `+120255501${10 + n}`
  }))
  for (const user of users) await addUser(user)
  const logInAll = async () => {
    const tokens: string[] = []
    for (const user of users) {
      const response = await login(user)
      t.equal(response.statusCode, 200)
      tokens.push(response.json().challengeToken)
      wait(1)
    }
    for (const [n, token] of tokens.entries())
      t.equal(
        (await verify(token, codeIn(twilio.messagesTo(users[n]?.phone ?? '').at(-1)?.body)))
          .statusCode,
        200
      )
  }
  await logInAll()
  wait(61)
  await logInAll()
})

t.test('correct codes count wherever they are verified', async t => {
  const secrets = [Buffer.alloc(32, 1)] as const
  const one = await startApp(t, { policy, secrets })
  const other = await startApp(t, {
    policy,
    secrets,
    database: one.database,
    clock: one.clock,
    withoutUsers: true
  })
  for (let n = 0; n < 20; n++) {
    const { challengeToken, code } = await one.loginAndReadCode()
    t.equal((await other.verify(challengeToken, code)).statusCode, 200)
    one.wait(1)
    // The process does this every few seconds.
    await other.countryTraffic.flush(one.clock())
  }
})

t.test('messages of an hour ago do not count', async t => {
  const { login, wait } = await startApp(t, { policy })
  for (let n = 0; n < 30; n++) {
    wait(600)
    t.equal((await login()).statusCode, 200)
  }
})

t.test('instances share their counts and one of them logs the pause', async t => {
  const secrets = [Buffer.alloc(32, 1)] as const
  const one = await startApp(t, { policy, secrets })
  const other = await startApp(t, {
    policy,
    secrets,
    database: one.database,
    clock: one.clock,
    withoutUsers: true
  })
  for (let n = 0; n < 10; n++) {
    one.wait(1)
    await (n % 2 === 0 ? one : other).login()
  }
  for (const { login } of [one, other]) {
    one.wait(2)
    t.equal(slugOf(await login()), 'too-many-texts')
  }
  const lines = [...one.logged, ...other.logged].filter(
    line => JSON.parse(line).event === 'sms.country_paused'
  )
  t.equal(lines.length, 1)
})

t.test('a floor of 0 disables the pause', async t => {
  const { login, wait } = await startApp(t, {
    policy: { ...policy, conversion: { ...conversion, floor: 0 } }
  })
  for (let n = 0; n < 12; n++) {
    wait(1)
    t.equal((await login(ada)).statusCode, 200)
  }
})

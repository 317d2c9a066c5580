import t from 'tap'
import { ada, codeIn, defaultLimits, otherThan, slugOf, start } from '../support/start.ts'
import { answerLate, deliverButFail, reject } from '../support/twilio-stand-in.ts'

const { textsPerPhoneHour, textsPerPhoneDay } = defaultLimits
const grace = { username: 'grace', password: 'anchors aweigh', phone: '+12025550144' }
const address = (n: number) => `198.51.${n >> 8 & 255}.${n & 255}`

t.test('fifty logins at once send one text, and so do fifty resends', async t => {
  const { login, resend, wait, twilio } = await start(t, { limits: { textsPerPhoneHour, textsPerPhoneDay }, argon2: { queue: 64 } })
  const logins = await Promise.all(Array.from({ length: 50 }, (_, n) => login(ada, address(n))))
  t.equal(twilio.texts.length, 1)
  t.same(logins.map(answer => answer.json().sent).sort(), [...Array.from({ length: 49 }, () => false), true])
  wait(31)
  const { challengeToken } = logins[0]?.json()
  const resends = await Promise.all(Array.from({ length: 50 }, (_, n) => resend(challengeToken, address(n))))
  t.equal(twilio.texts.length, 2)
  t.equal(resends.filter(({ statusCode }) => statusCode === 200).length, 1)
  t.equal(resends.filter(answer => slugOf(answer) === 'resend-too-soon').length, 49)
})

t.test('a number gets six texts an hour, by logins and resends together, from wherever they come', async t => {
  const { login, resend, verify, wait, twilio } = await start(t, { limits: { textsPerPhoneHour } })
  for (let n = 0; n < 3; n++) {
    const { challengeToken } = (await login(ada, address(n))).json()
    wait(31)
    t.equal((await resend(challengeToken, address(n + 100))).statusCode, 200)
    wait(31)
  }
  t.equal(twilio.texts.length, 6)
  const refused = await login(ada, '203.0.113.9')
  t.match(refused.json(), { status: 429, type: /too-many-texts$/, retryAfter: 3600 - 6 * 31 })
  t.equal(refused.headers['retry-after'], String(3600 - 6 * 31))
  t.equal(twilio.texts.length, 6)
  wait(3600 - 6 * 31)
  const { challengeToken } = (await login()).json()
  t.equal(twilio.texts.length, 7)
  t.equal((await verify(challengeToken, codeIn(twilio.texts.at(-1)?.body))).statusCode, 200)
})

t.test('and twenty a day', async t => {
  const { login, wait, twilio } = await start(t, { limits: { textsPerPhoneHour, textsPerPhoneDay } })
  for (let seconds = 0; seconds < 86_400; seconds += 2400) {
    await login()
    wait(2400)
  }
  t.equal(twilio.texts.length, 20)
  t.equal((await login()).statusCode, 200, 'the day is over')
})

t.test('accounts that share a number share its texts', async t => {
  const { login, addUser, twilio } = await start(t, { limits: { textsPerPhoneHour } })
  const crowd = Array.from({ length: 10 }, (_, n) => ({ ...ada, username: `ada-${n}` }))
  for (const who of crowd) await addUser(who)
  const answers = await Promise.all(crowd.map((who, n) => login(who, address(n))))
  t.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 6)
  t.equal(answers.filter(answer => slugOf(answer) === 'too-many-texts').length, 4)
  t.equal(twilio.texts.length, 6)
})

t.test('an account that changes its number keeps its texts', async t => {
  const { login, users, wait } = await start(t, { limits: { textsPerPhoneHour: 1 } })
  t.equal((await login()).statusCode, 200)
  await users.change(ada.username, { phone: '+12025550199' })
  wait(31)
  t.equal(slugOf(await login()), 'too-many-texts')
})

for (const [what, limits] of Object.entries({ 'one address': { textsPerNetworkHour: 2 }, 'one country': { textsPerCountryHour: 2 }, 'all together': { textsPerHour: 2 } })) {
  t.test(`texts are limited for ${what}, and one that is refused is not charged to anybody`, async t => {
    const { login, addUser, wait, twilio, prisma } = await start(t, { limits: { ...limits, textsPerPhoneHour } })
    await addUser(grace)
    await addUser({ ...grace, username: 'jean', phone: '+12025550145' })
    t.equal((await login()).statusCode, 200)
    t.equal((await login(grace)).statusCode, 200)
    const before = await prisma.counter.findMany({ where: { spent: { gt: 0 } }, orderBy: { key: 'asc' } })
    const refused = await login({ ...grace, username: 'jean' })
    t.match(refused.json(), { status: 429, type: /too-many-texts$/, retryAfter: 3600 })
    t.same(await prisma.counter.findMany({ where: { spent: { gt: 0 } }, orderBy: { key: 'asc' } }), before)
    t.equal(twilio.texts.length, 2)
    wait(3600)
    t.equal((await login({ ...grace, username: 'jean' })).statusCode, 200)
  })
}

t.test('another address and another country have texts of their own', async t => {
  const { login, addUser } = await start(t, { limits: { textsPerNetworkHour: 1, textsPerCountryHour: 1 } })
  await addUser({ ...grace, phone: '+447400123456' })
  t.equal((await login()).statusCode, 200)
  t.equal((await login(grace, '198.51.100.7')).statusCode, 200)
})

t.test('a text that Twilio did not take is charged to nobody; one that may have gone out is', async t => {
  const { login, twilio } = await start(t, { limits: { textsPerPhoneHour: 2 } })
  for (let i = 0; i < 5; i++) {
    twilio.next(reject(429, 20429))
    t.equal(slugOf(await login()), 'sms-unavailable')
    twilio.next(reject(400, 21610))
    t.equal(slugOf(await login()), 'sms-undeliverable')
  }
  for (let i = 0; i < 2; i++) {
    twilio.next(deliverButFail(500))
    t.equal(slugOf(await login()), 'sms-unavailable', 'no cooldown')
  }
  t.equal(slugOf(await login()), 'too-many-texts')
  t.equal(twilio.texts.length, 2)
})

t.test('a login or resend refused for its texts leaves the code on the phone as good as it was', async t => {
  for (const again of ['login', 'resend'] as const) {
    const { challenge, login, resend, verify, wait } = await start(t, { limits: { textsPerHour: 1 }, policy: { resendCooldown: 10 } })
    const { challengeToken, code } = await challenge()
    await verify(challengeToken, otherThan(code))
    wait(11)
    for (let i = 0; i < 3; i++) t.equal(slugOf(await (again === 'login' ? login() : resend(challengeToken))), 'too-many-texts')
    t.equal((await verify(challengeToken, otherThan(code))).json().attemptsRemaining, 3, again)
    t.equal((await verify(challengeToken, code)).statusCode, 200, again)
    t.equal(slugOf(await login()), 'too-many-texts')
    t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended', 'and used is used')
  }
})

t.test('a login refused for its texts leaves no code to guess, and no cooldown', async t => {
  const { clock, login, users, wait, twilio, prisma } = await start(t, { limits: { textsPerHour: 1 } })
  await login()
  wait(61)
  t.equal(slugOf(await login()), 'too-many-texts')
  t.equal(slugOf(await login()), 'too-many-texts', 'not "sent": false for a text that never was')
  const [challenge] = await prisma.challenge.findMany()
  t.ok(challenge && challenge.codeExpiresAt <= clock() && challenge.resendAt <= clock())
  wait(3600)
  twilio.next(answerLate(50))
  t.match((await login()).json(), { sent: true })
  t.match(await users.list(), [{ codeFailures: 0 }])
})

import t, { type Test } from 'tap'
import {
  ada,
  codeIn,
  defaultLimits,
  differentCode,
  slugOf,
  startApp,
  type StartOptions
} from '../support/start-app.ts'

// The attacker knows the reviewer's password, for example from the notes for an app store.
const reviewer = { username: 'reviewer', password: 'mind the gap, please', phone: '+12025550123' }
const code = '424242'
const lastDay = '2999-12-31'

async function startWithReviewer(t: Test, options: StartOptions = {}) {
  const service = await startApp(t, {
    ...options,
    policy: {
      testNumbers: new Map([
        [reviewer.phone, { code, lastDay }],
        ['+447700900123', { code: '135792', lastDay }]
      ])
    }
  })
  await service.addUser(reviewer)
  return service
}

t.test('five wrong guesses over several logins lock even the fixed code', async t => {
  const { login, verify, wait } = await startWithReviewer(t, {
    limits: { codeFailures: defaultLimits.codeFailures }
  })
  const guesses = ['000000', '123456', '111111', '654321', '135792']
  let token = ''
  for (const guess of guesses) {
    token = (await login(reviewer)).json().challengeToken
    t.equal(slugOf(await verify(token, guess)), 'wrong-code')
    wait(31)
  }
  t.equal(slugOf(await verify(token, code)), 'too-many-attempts')
  t.equal(slugOf(await login(reviewer)), 'too-many-attempts')
  wait(900)
  const { challengeToken } = (await login(reviewer)).json()
  t.equal((await verify(challengeToken, code)).statusCode, 200)
})

t.test('a challenge has five attempts, after which the fixed code is refused', async t => {
  const { login, resend, verify, wait } = await startWithReviewer(t)
  const { challengeToken } = (await login(reviewer)).json()
  for (let n = 0; n < 5; n++) await verify(challengeToken, differentCode(code))
  t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
  wait(31)
  t.equal(slugOf(await resend(challengeToken)), 'challenge-ended')
})

t.test('of twenty concurrent uses of one login, one gets a session', async t => {
  const { login, verify, prisma } = await startWithReviewer(t)
  const { challengeToken } = (await login(reviewer)).json()
  const responses = await Promise.all(
    Array.from({ length: 20 }, () => verify(challengeToken, code))
  )
  t.equal(responses.filter(({ statusCode }) => statusCode === 200).length, 1)
  t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
  t.equal(await prisma.session.count(), 1)
})

t.test('the fixed code opens nothing without a login with the password', async t => {
  const { login, verify, post, prisma } = await startWithReviewer(t)
  const refused = await login({ ...reviewer, password: 'mind the doors, please' })
  t.equal(slugOf(refused), 'invalid-credentials')
  t.equal(slugOf(await verify('forged', code)), 'challenge-ended')
  t.equal((await post('/verify', { username: reviewer.username, code })).statusCode, 400)
  t.equal(await prisma.session.count(), 0)
})

t.test('a fixed code is wrong for any other user, and for another test number', async t => {
  const { login, verify, twilio } = await startWithReviewer(t)
  const { challengeToken } = (await login()).json()
  const sent = codeIn(twilio.messages.at(-1)?.body)
  t.equal(slugOf(await verify(challengeToken, code === sent ? '135792' : code)), 'wrong-code')
  const other = (await login(reviewer)).json().challengeToken
  t.equal(slugOf(await verify(other, '135792')), 'wrong-code')
})

t.test('no other number gets a fixed code, however it is stored', async t => {
  const { prisma, passwords, login, twilio } = await startWithReviewer(t)
  const passwordDigest = await passwords.hash(ada.password)
  const stored = ['+12025550124', '+13025550123', '+447700900124', '+4412025550123', '+2025550123']
  const users = stored.map((phone, n) => ({ username: `user${n}`, phone }))
  await prisma.user.createMany({
    data: users.map(user => ({ ...user, usernameKey: user.username, passwordDigest }))
  })
  for (const { username, phone } of users) {
    const response = await login({ username, password: ada.password })
    if (response.statusCode === 200) t.notMatch(twilio.messages.at(-1)?.body, code, phone)
  }
  t.ok(twilio.messages.length >= 3)
  t.equal(twilio.messages.filter(({ to }) => stored.includes(to)).length, twilio.messages.length)
})

t.test('logins with test numbers do not hide SMS pumping in their country', async t => {
  const { login, verify, wait, clock, countryTraffic, prisma } = await startWithReviewer(t)
  for (let n = 0; n < 3; n++) {
    const { challengeToken } = (await login(reviewer)).json()
    t.equal((await verify(challengeToken, code)).statusCode, 200)
  }
  wait(60)
  await login(ada)
  await countryTraffic.flush(clock())
  t.match(await prisma.countryTraffic.findMany(), [{ country: 'US', messages: 0, verified: 0 }])
})

import argon2 from 'argon2'
import t from 'tap'
import { ada, slugOf, startApp } from '../support/start-app.ts'

const newPhone = '+12025550199'

t.test('a phone number replaced during hashing gets no code', async t => {
  const { login, users, twilio, verify, duringHash } = await startApp(t)
  duringHash(() => users.change({ username: 'ada' }, { phone: newPhone }, new Date()))
  const { challengeToken } = (await login()).json()
  t.same(
    twilio.messages.map(({ to }) => to),
    [newPhone]
  )
  t.equal((await verify(challengeToken, twilio.lastCode() ?? '')).statusCode, 200)
})

t.test('a password replaced during hashing sends no message', async t => {
  const { login, users, passwords, twilio, duringHash } = await startApp(t)
  duringHash(async () =>
    users.change(
      { username: 'ada' },
      { passwordDigest: await passwords.hash('another horse battery') },
      new Date()
    )
  )
  t.equal(slugOf(await login()), 'invalid-credentials')
  t.equal(twilio.requests.length, 0)
})

t.test('a new password set while the old one is rehashed is kept', async t => {
  const { login, passwords, prisma, users, duringHash } = await startApp(t, {
    argon2: { time: 2 }
  })
  const weaker = { memoryCost: 1024, timeCost: 1, parallelism: 1 }
  await prisma.user.updateMany({
    data: { passwordDigest: await argon2.hash(ada.password, weaker) }
  })
  const password = 'another horse battery'
  duringHash(async () =>
    users.change(
      { username: 'ada' },
      { passwordDigest: await passwords.hash(password) },
      new Date()
    )
  )
  t.equal(slugOf(await login()), 'invalid-credentials')
  t.equal((await login({ ...ada, password })).statusCode, 200)
})

t.test('a login that starts over counts as one password attempt', async t => {
  const { login, users, duringHash } = await startApp(t, { limits: { passwordFailures: 1 } })
  duringHash(() => users.change({ username: 'ada' }, { phone: newPhone }, new Date()))
  t.equal((await login()).statusCode, 200)
})

t.test('a user disabled during hashing gets no message', async t => {
  const { login, users, twilio, duringHash } = await startApp(t)
  duringHash(() => users.change({ username: 'ada' }, { disabled: true }, new Date()))
  t.equal(slugOf(await login()), 'invalid-credentials')
  t.equal(twilio.requests.length, 0)
})

t.test('a login whose pending code is used during hashing sends a new code', async t => {
  const { loginAndReadCode, login, verify, duringHash, twilio } = await startApp(t)
  const { challengeToken, code } = await loginAndReadCode()
  duringHash(() => verify(challengeToken, code))
  const second = await login()
  t.equal(second.json().sent, true)
  t.equal((await verify(second.json().challengeToken, twilio.lastCode() ?? '')).statusCode, 200)
})

t.test('a digest renewed by another login during hashing does not fail this login', async t => {
  const { login, users, passwords, duringHash } = await startApp(t)
  duringHash(async () =>
    users.change(
      { username: 'ada' },
      { passwordDigest: await passwords.hash(ada.password) },
      new Date()
    )
  )
  t.equal((await login()).statusCode, 200)
})

t.test('a code that a concurrent resend replaces is wrong and the challenge continues', async t => {
  const { loginAndReadCode, prisma, verify, resend, twilio, wait } = await startApp(t)
  const { challengeToken, code } = await loginAndReadCode()
  wait(31)
  const responses = await Promise.all([
    resend(challengeToken),
    verify(challengeToken, code),
    verify(challengeToken, code)
  ])
  const slugs = responses.slice(1).map(slugOf)
  if (slugs.every(slug => slug !== undefined)) {
    t.same(slugs, ['wrong-code', 'wrong-code'])
    t.equal((await verify(challengeToken, twilio.lastCode() ?? '')).statusCode, 200)
  } else {
    t.equal(await prisma.challenge.count({ where: { consumedAt: null } }), 0, 'verify came first')
  }
})

import t from 'tap'
import { ada, slugOf, start } from '../support/start.ts'

const newPhone = '+12025550199'

t.test('a phone replaced while the password is hashed gets no code any more', async t => {
  const { login, users, twilio, verify, whileHashing } = await start(t)
  whileHashing(() => users.change('ada', { phone: newPhone }))
  const { challengeToken } = (await login()).json()
  t.same(twilio.texts.map(({ to }) => to), [newPhone])
  t.equal((await verify(challengeToken, twilio.lastCode() ?? '')).statusCode, 200)
})

t.test('a password replaced while the old one is hashed texts nobody', async t => {
  const { login, users, passwords, twilio, whileHashing } = await start(t)
  whileHashing(async () => users.change('ada', { passwordDigest: await passwords.hash('another horse battery') }))
  t.equal(slugOf(await login()), 'invalid-credentials')
  t.equal(twilio.requests.length, 0)
})

t.test('a person disabled while the password is hashed is not texted', async t => {
  const { login, users, twilio, whileHashing } = await start(t)
  whileHashing(() => users.change('ada', { disabled: true }))
  t.equal(slugOf(await login()), 'invalid-credentials')
  t.equal(twilio.requests.length, 0)
})

t.test('a code used while the password is hashed is not offered for a second login', async t => {
  const { challenge, login, verify, whileHashing, twilio } = await start(t)
  const { challengeToken, code } = await challenge()
  whileHashing(() => verify(challengeToken, code))
  const second = await login()
  t.equal(second.json().sent, true)
  t.equal((await verify(second.json().challengeToken, twilio.lastCode() ?? '')).statusCode, 200)
})

t.test('a weaker digest renewed by another login meanwhile is no reason to refuse this one', async t => {
  const { login, users, passwords, whileHashing } = await start(t)
  whileHashing(async () => users.change('ada', { passwordDigest: await passwords.hash(ada.password) }))
  t.equal((await login()).statusCode, 200)
})

t.test('a right code that a resend overtakes is a wrong one, and the challenge goes on', async t => {
  const { challenge, prisma, verify, resend, twilio, wait } = await start(t)
  const { challengeToken, code } = await challenge()
  wait(31)
  const answers = await Promise.all([resend(challengeToken), verify(challengeToken, code), verify(challengeToken, code)])
  const slugs = answers.slice(1).map(slugOf)
  if (slugs.every(slug => slug !== undefined)) {
    t.same(slugs, ['wrong-code', 'wrong-code'])
    t.equal((await verify(challengeToken, twilio.lastCode() ?? '')).statusCode, 200)
  } else {
    t.equal(await prisma.challenge.count({ where: { consumedAt: null } }), 0, 'it was in time')
  }
})

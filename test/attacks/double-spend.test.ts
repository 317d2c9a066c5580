import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { slugOf, startApp } from '../support/start-app.ts'

t.test('fifty concurrent correct codes give one token', async t => {
  const { loginAndReadCode, verify } = await startApp(t, { policy: { codeAttempts: 50 } })
  const { challengeToken, code } = await loginAndReadCode()
  const responses = await Promise.all(
    Array.from({ length: 50 }, () => verify(challengeToken, code))
  )
  t.equal(responses.filter(({ statusCode }) => statusCode === 200).length, 1)
  t.equal(responses.filter(response => slugOf(response) === 'challenge-ended').length, 49)
})

t.test('fifty concurrent correct codes through two instances give one token', async t => {
  const shared = {
    secrets: [Buffer.alloc(32, 1)],
    signingKeys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey]
  } as const
  const one = await startApp(t, { ...shared, policy: { codeAttempts: 50 } })
  const two = await startApp(t, { ...shared, database: one.database, withoutUsers: true })
  const { challengeToken, code } = await one.loginAndReadCode()
  const responses = await Promise.all(
    Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? one : two).verify(challengeToken, code))
  )
  const tokens = responses
    .filter(({ statusCode }) => statusCode === 200)
    .map(response => response.json().accessToken)
  t.equal(tokens.length, 1)
  t.equal(responses.filter(response => slugOf(response) === 'challenge-ended').length, 49)
  for (const { me } of [one, two]) t.equal((await me(tokens[0])).statusCode, 200)
})

t.test('two challenge tokens for one challenge give one access token', async t => {
  const { loginAndReadCode, login, verify } = await startApp(t)
  const { challengeToken, code } = await loginAndReadCode()
  const second = (await login()).json().challengeToken
  t.not(second, challengeToken)
  const responses = await Promise.all([challengeToken, second].map(token => verify(token, code)))
  t.same(responses.map(({ statusCode }) => statusCode).sort(), [200, 401])
})

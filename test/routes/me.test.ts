import { generateKeyPairSync } from 'node:crypto'
import { decodeJwt } from 'jose'
import t from 'tap'
import { slugOf, start } from '../support/start.ts'

t.test('a live token tells whose it is, with the number masked', async t => {
  const { accessToken, me, clock } = await start(t)
  const token = await accessToken()
  const answer = await me(token)
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['cache-control'], 'no-store')
  const { sub, sid } = decodeJwt(token)
  const seconds = Math.floor(clock().getTime() / 1000)
  t.strictSame(answer.json(), {
    id: sub, username: 'ada', phone: '+1•••••••43', sessionId: sid, authenticatedAt: new Date(seconds * 1000).toISOString()
  })
})

t.test('a token is good until one second before its end and refused at its end', async t => {
  const { accessToken, me, wait } = await start(t)
  const token = await accessToken()
  wait(899)
  t.equal((await me(token)).statusCode, 200)
  wait(1)
  t.equal(slugOf(await me(token)), 'invalid-token')
})

t.test('who sends no token is told the scheme and no error', async t => {
  const { me } = await start(t)
  const answer = await me()
  t.equal(answer.statusCode, 401)
  t.equal(slugOf(answer), 'invalid-token')
  t.equal(answer.headers['www-authenticate'], 'Bearer realm="sms-login"')
})

t.test('who sends a bad token is told that it is one', async t => {
  const { me } = await start(t)
  const answer = await me('nonsense')
  t.equal(answer.statusCode, 401)
  t.equal(slugOf(answer), 'invalid-token')
  t.equal(answer.headers['www-authenticate'], 'Bearer realm="sms-login", error="invalid_token"')
})

t.test('a person who is disabled or gone loses access at once, and enabling gives none back', async t => {
  const { accessToken, me, users, prisma, wait } = await start(t)
  const token = await accessToken()
  await users.change('ada', { disabled: true })
  t.equal(slugOf(await me(token)), 'invalid-token')
  await users.change('ada', { disabled: false })
  t.equal(slugOf(await me(token)), 'invalid-token')
  wait(31)
  const another = await accessToken()
  t.equal((await me(another)).statusCode, 200)
  await prisma.user.deleteMany()
  t.equal(slugOf(await me(another)), 'invalid-token')
})

t.test('a person whose number was taken away has none', async t => {
  const { accessToken, me, prisma } = await start(t)
  const token = await accessToken()
  await prisma.user.updateMany({ data: { phone: null } })
  t.equal((await me(token)).json().phone, null)
})

t.test('a token in the query string or the body is none', async t => {
  const { accessToken, app } = await start(t)
  const token = await accessToken()
  t.equal(slugOf(await app.inject({ url: `/me?access_token=${token}` })), 'invalid-token')
  t.equal(slugOf(await app.inject({ url: '/me', headers: { cookie: `access_token=${token}` } })), 'invalid-token')
})

t.test('a token of the old key is good while both keys are there, and bad once it is gone', async t => {
  const [oldKey, newKey] = [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, generateKeyPairSync('ed25519').privateKey]
  const old = await start(t, { signingKeys: [oldKey] })
  const token = await old.accessToken()
  const both = await start(t, { database: old.database, withoutUsers: true, signingKeys: [newKey, oldKey] })
  t.equal((await both.me(token)).statusCode, 200)
  t.equal((await both.me(await both.accessToken())).statusCode, 200)
  const after = await start(t, { database: old.database, withoutUsers: true, signingKeys: [newKey] })
  t.equal(slugOf(await after.me(token)), 'invalid-token')
})

t.test('a login that began under the old secret is finished under the new one beside it', async t => {
  const [oldSecret, newSecret] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  const old = await start(t, { secrets: [oldSecret] })
  const { challengeToken, code } = await old.challenge()
  const without = await start(t, { database: old.database, withoutUsers: true, secrets: [newSecret] })
  t.equal(slugOf(await without.verify(challengeToken, code)), 'challenge-ended')
  const both = await start(t, { database: old.database, withoutUsers: true, secrets: [newSecret, oldSecret] })
  t.equal((await both.verify(challengeToken, code)).statusCode, 200)
})

import { generateKeyPairSync } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { otherThan, slugOf, start } from '../support/start.ts'

t.test('each kind of token is good where it belongs, and 401 at every other endpoint that takes one', async t => {
  const { challenge, endSession, logIn, logout, me, refresh, resend, sessions, verify, wait } = await start(t)
  const { accessToken, refreshToken } = await logIn()
  wait(31)
  const { challengeToken, code } = await challenge()
  const tokens = { challengeToken, accessToken, refreshToken }
  const endpoints = {
    '/verify': { home: 'challengeToken', slug: 'challenge-ended', ask: (token: string) => verify(token, otherThan(code)) },
    '/resend': { home: 'challengeToken', slug: 'challenge-ended', ask: resend },
    '/refresh': { home: 'refreshToken', slug: 'session-ended', ask: refresh },
    '/me': { home: 'accessToken', slug: 'invalid-token', ask: me },
    'GET /sessions': { home: 'accessToken', slug: 'invalid-token', ask: sessions },
    'DELETE /sessions': { home: 'accessToken', slug: 'invalid-token', ask: endSession },
    'DELETE /sessions/{id}': { home: 'accessToken', slug: 'invalid-token', ask: (token: string) => endSession(token, String(decodeJwt(accessToken)['sid'])) }
  }
  for (const [name, { home, slug, ask }] of Object.entries(endpoints)) {
    for (const [kind, token] of Object.entries(tokens).filter(([kind]) => kind !== home)) {
      const answer = await ask(token)
      t.equal(answer.statusCode, 401, `${kind} at ${name}`)
      t.equal(slugOf(answer), slug, `${kind} at ${name}`)
    }
  }
  // Who logs out is told nothing of what there was; but only a refresh token ends something.
  for (const token of [challengeToken, accessToken]) t.equal((await logout(token)).statusCode, 204)
  t.equal((await me(accessToken)).statusCode, 200, 'and none of that touched the session')
  t.equal((await refresh(refreshToken)).statusCode, 200)
  t.equal((await verify(challengeToken, code)).statusCode, 200, 'or the challenge')
})

t.test('a challenge token opens no path whatever as a Bearer token', async t => {
  const { app, challenge } = await start(t)
  const { challengeToken } = await challenge()
  for (const url of ['/me', '/login', '/verify', '/resend', '/sessions', '/refresh', '/logout', '/confirmations', '/confirmations/verify', '/confirmations/resend', '/metrics', '/users']) {
    for (const method of ['GET', 'POST', 'DELETE'] as const) {
      const { statusCode } = await app.inject({ url, method, headers: { authorization: `Bearer ${challengeToken}` } })
      t.ok(statusCode >= 400 && statusCode < 500, `${method} ${url}`)
    }
  }
})

t.test('an access token opens no door of a challenge token', async t => {
  const { accessToken, challenge, resend, verify, twilio } = await start(t)
  const token = await accessToken()
  const { challengeToken, code } = await challenge()
  t.equal(slugOf(await verify(token, code)), 'challenge-ended')
  t.equal(slugOf(await resend(token)), 'challenge-ended')
  t.equal(twilio.texts.length, 2)
  t.equal((await verify(challengeToken, otherThan(code))).json().attemptsRemaining, 4, 'and no attempt was spent')
})

t.test('the two kinds share neither type, audience, algorithm nor key', async t => {
  const { app, challenge, verify } = await start(t, { issuer: 'https://login.example', audience: 'https://login.example' })
  const { challengeToken, code } = await challenge()
  const accessToken = (await verify(challengeToken, code)).json().accessToken
  const [one, other] = [challengeToken, accessToken].map(token => ({ ...decodeProtectedHeader(token), aud: decodeJwt(token).aud }))
  for (const name of ['typ', 'alg', 'kid', 'aud'] as const) t.not(one?.[name], other?.[name], name)
  t.equal(one?.typ, 'challenge+jwt')
  t.notMatch((await app.inject('/.well-known/jwks.json')).body, String(one?.kid), 'and the key of challenges is not published')
})

t.test('a token of another issuer or for another audience is none, though the keys are the same', async t => {
  const shared = { secrets: [Buffer.alloc(32, 1)], signingKeys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey] } as const
  const one = await start(t, shared)
  const token = await one.accessToken()
  const { challengeToken, code } = await one.challenge()
  for (const settings of [{ issuer: 'https://other.example' }, { audience: 'https://other.example' }]) {
    const { me } = await start(t, { ...shared, ...settings, database: one.database, withoutUsers: true })
    t.equal(slugOf(await me(token)), 'invalid-token', JSON.stringify(settings))
  }
  const { verify } = await start(t, { ...shared, issuer: 'https://other.example', database: one.database, withoutUsers: true })
  t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
})

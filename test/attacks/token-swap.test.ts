import { generateKeyPairSync } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { otherThan, slugOf, start } from '../support/start.ts'

t.test('each kind of token is good where it belongs, and 401 at every other endpoint that takes one', async t => {
  const { challenge, confirm, endSession, logIn, logout, me, refresh, resend, resendConfirmation, sessions, twilio, verify, verifyConfirmation, wait } = await start(t)
  const { accessToken, refreshToken } = await logIn()
  const first = (await confirm(accessToken)).json().confirmationToken
  const { receipt } = (await verifyConfirmation(accessToken, first, twilio.lastCode())).json()
  wait(31)
  const { challengeToken, code } = await challenge()
  const { confirmationToken } = (await confirm(accessToken)).json()
  const confirmCode = twilio.lastCode()
  const tokens = { challengeToken, confirmationToken, accessToken, refreshToken, receipt }
  const endpoints = {
    '/verify': { home: 'challengeToken', slug: 'challenge-ended', ask: (token: string) => verify(token, code) },
    '/resend': { home: 'challengeToken', slug: 'challenge-ended', ask: resend },
    '/refresh': { home: 'refreshToken', slug: 'session-ended', ask: refresh },
    '/me': { home: 'accessToken', slug: 'invalid-token', ask: me },
    'GET /sessions': { home: 'accessToken', slug: 'invalid-token', ask: sessions },
    'DELETE /sessions': { home: 'accessToken', slug: 'invalid-token', ask: endSession },
    'DELETE /sessions/{id}': { home: 'accessToken', slug: 'invalid-token', ask: (token: string) => endSession(token, String(decodeJwt(accessToken)['sid'])) },
    '/confirmations': { home: 'accessToken', slug: 'invalid-token', ask: confirm },
    '/confirmations/resend as Bearer': { home: 'accessToken', slug: 'invalid-token', ask: (token: string) => resendConfirmation(token, confirmationToken) },
    '/confirmations/resend': { home: 'confirmationToken', slug: 'challenge-ended', ask: (token: string) => resendConfirmation(accessToken, token) },
    '/confirmations/verify as Bearer': { home: 'accessToken', slug: 'invalid-token', ask: (token: string) => verifyConfirmation(token, confirmationToken, confirmCode) },
    '/confirmations/verify': { home: 'confirmationToken', slug: 'challenge-ended', ask: (token: string) => verifyConfirmation(accessToken, token, confirmCode) }
  }
  const texts = twilio.texts.length
  for (const [name, { home, slug, ask }] of Object.entries(endpoints)) {
    for (const [kind, token] of Object.entries(tokens).filter(([kind]) => kind !== home)) {
      const answer = await ask(token)
      t.strictSame([answer.statusCode, slugOf(answer)], [401, slug], `${kind} at ${name}`)
      t.match(answer.headers['www-authenticate'], /^Bearer realm=/, `${kind} at ${name}`)
    }
  }
  // Who logs out is told nothing of what there was; but only a refresh token ends something.
  for (const token of [challengeToken, confirmationToken, accessToken, receipt]) t.equal((await logout(token)).statusCode, 204)
  t.equal(twilio.texts.length, texts, 'none of that sent a text')
  t.equal((await me(accessToken)).statusCode, 200, 'or touched the session')
  t.equal((await verifyConfirmation(accessToken, confirmationToken, otherThan(confirmCode))).json().attemptsRemaining, 4, 'or the confirmation')
  t.equal((await verifyConfirmation(accessToken, confirmationToken, confirmCode)).statusCode, 200)
  t.equal((await refresh(refreshToken)).statusCode, 200)
  t.equal((await verify(challengeToken, otherThan(code))).json().attemptsRemaining, 4, 'or the challenge')
  t.equal((await verify(challengeToken, code)).statusCode, 200)
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

t.test('challenges, confirmations and access tokens share neither type, audience nor key; a receipt has its own type', async t => {
  const { app, challenge, confirm, logIn, twilio, verifyConfirmation } = await start(t, { issuer: 'https://login.example', audience: 'https://login.example' })
  const { accessToken } = await logIn()
  const { confirmationToken } = (await confirm(accessToken)).json()
  const { receipt } = (await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())).json()
  const { challengeToken } = await challenge()
  const tell = (token: string) => ({ ...decodeProtectedHeader(token), aud: decodeJwt(token).aud })
  const kinds = [challengeToken, confirmationToken, accessToken].map(tell)
  for (const name of ['typ', 'kid', 'aud'] as const) t.equal(new Set(kinds.map(kind => kind[name])).size, 3, name)
  t.same([...kinds, tell(receipt)].map(({ typ }) => typ), ['challenge+jwt', 'confirmation+jwt', 'at+jwt', 'receipt+jwt'])
  t.same(kinds.map(({ alg }) => alg), ['HS256', 'HS256', 'ES256'])
  const published = (await app.inject('/.well-known/jwks.json')).json().keys
  t.match(published, [{ kid: kinds[2]?.kid }], 'the keys of challenges and confirmations are not published')
  t.equal(published.length, 1)
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

import { generateKeyPairSync } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { differentCode, slugOf, startApp } from '../support/start-app.ts'

t.test('every kind of token works at its own endpoints and gets 401 at all others', async t => {
  const {
    loginAndReadCode,
    confirm,
    endSession,
    logIn,
    logout,
    me,
    refresh,
    resend,
    resendConfirmation,
    sessions,
    twilio,
    verify,
    verifyConfirmation,
    wait
  } = await startApp(t)
  const { accessToken, refreshToken } = await logIn()
  const first = (await confirm(accessToken)).json().confirmationToken
  const { receipt } = (await verifyConfirmation(accessToken, first, twilio.lastCode())).json()
  wait(31)
  const { challengeToken, code } = await loginAndReadCode()
  const { confirmationToken } = (await confirm(accessToken)).json()
  const confirmCode = twilio.lastCode()
  const tokens = { challengeToken, confirmationToken, accessToken, refreshToken, receipt }
  const endpoints = {
    '/verify': {
      home: 'challengeToken',
      slug: 'challenge-ended',
      ask: (token: string) => verify(token, code)
    },
    '/resend': { home: 'challengeToken', slug: 'challenge-ended', ask: resend },
    '/refresh': { home: 'refreshToken', slug: 'session-ended', ask: refresh },
    '/me': { home: 'accessToken', slug: 'invalid-token', ask: me },
    'GET /sessions': { home: 'accessToken', slug: 'invalid-token', ask: sessions },
    'DELETE /sessions': { home: 'accessToken', slug: 'invalid-token', ask: endSession },
    'DELETE /sessions/{id}': {
      home: 'accessToken',
      slug: 'invalid-token',
      ask: (token: string) => endSession(token, String(decodeJwt(accessToken)['sid']))
    },
    '/confirmations': { home: 'accessToken', slug: 'invalid-token', ask: confirm },
    '/confirmations/resend as Bearer': {
      home: 'accessToken',
      slug: 'invalid-token',
      ask: (token: string) => resendConfirmation(token, confirmationToken)
    },
    '/confirmations/resend': {
      home: 'confirmationToken',
      slug: 'challenge-ended',
      ask: (token: string) => resendConfirmation(accessToken, token)
    },
    '/confirmations/verify as Bearer': {
      home: 'accessToken',
      slug: 'invalid-token',
      ask: (token: string) => verifyConfirmation(token, confirmationToken, confirmCode)
    },
    '/confirmations/verify': {
      home: 'confirmationToken',
      slug: 'challenge-ended',
      ask: (token: string) => verifyConfirmation(accessToken, token, confirmCode)
    }
  }
  const texts = twilio.texts.length
  for (const [name, { home, slug, ask }] of Object.entries(endpoints)) {
    for (const [kind, token] of Object.entries(tokens).filter(([kind]) => kind !== home)) {
      const answer = await ask(token)
      t.strictSame([answer.statusCode, slugOf(answer)], [401, slug], `${kind} at ${name}`)
      t.match(answer.headers['www-authenticate'], /^Bearer realm=/, `${kind} at ${name}`)
    }
  }
  // /logout reveals nothing about the session. Only a refresh token ends one.
  for (const token of [challengeToken, confirmationToken, accessToken, receipt])
    t.equal((await logout(token)).statusCode, 204)
  t.equal(twilio.texts.length, texts, 'none of that sent a text')
  t.equal((await me(accessToken)).statusCode, 200, 'or touched the session')
  t.equal(
    (await verifyConfirmation(accessToken, confirmationToken, differentCode(confirmCode))).json()
      .attemptsRemaining,
    4,
    'or the confirmation'
  )
  t.equal((await verifyConfirmation(accessToken, confirmationToken, confirmCode)).statusCode, 200)
  t.equal((await refresh(refreshToken)).statusCode, 200)
  t.equal(
    (await verify(challengeToken, differentCode(code))).json().attemptsRemaining,
    4,
    'or the challenge'
  )
  t.equal((await verify(challengeToken, code)).statusCode, 200)
})

t.test('a challenge token is not accepted as a bearer token anywhere', async t => {
  const { app, loginAndReadCode } = await startApp(t)
  const { challengeToken } = await loginAndReadCode()
  for (const url of [
    '/me',
    '/me/password',
    '/login',
    '/verify',
    '/resend',
    '/sessions',
    '/refresh',
    '/logout',
    '/confirmations',
    '/confirmations/verify',
    '/confirmations/resend',
    '/metrics',
    '/users'
  ]) {
    for (const method of ['GET', 'POST', 'PATCH', 'DELETE'] as const) {
      const { statusCode } = await app.inject({
        url,
        method,
        headers: { authorization: `Bearer ${challengeToken}` }
      })
      t.ok(statusCode >= 400 && statusCode < 500, `${method} ${url}`)
    }
  }
})

t.test(
  'challenge, confirmation and access tokens share neither type, audience nor key',
  async t => {
    const { app, loginAndReadCode, confirm, logIn, twilio, verifyConfirmation } = await startApp(
      t,
      {
        issuer: 'https://login.example',
        audience: 'https://login.example'
      }
    )
    const { accessToken } = await logIn()
    const { confirmationToken } = (await confirm(accessToken)).json()
    const { receipt } = (
      await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())
    ).json()
    const { challengeToken } = await loginAndReadCode()
    const tell = (token: string) => ({ ...decodeProtectedHeader(token), aud: decodeJwt(token).aud })
    const kinds = [challengeToken, confirmationToken, accessToken].map(tell)
    for (const name of ['typ', 'kid', 'aud'] as const)
      t.equal(new Set(kinds.map(kind => kind[name])).size, 3, name)
    t.same(
      [...kinds, tell(receipt)].map(({ typ }) => typ),
      ['challenge+jwt', 'confirmation+jwt', 'at+jwt', 'receipt+jwt']
    )
    t.same(
      kinds.map(({ alg }) => alg),
      ['HS256', 'HS256', 'ES256']
    )
    const published = (await app.inject('/.well-known/jwks.json')).json().keys
    t.match(
      published,
      [{ kid: kinds[2]?.kid }],
      'the keys of challenges and confirmations are not published'
    )
    t.equal(published.length, 1)
  }
)

t.test(
  'a token of another issuer or audience is rejected although the keys are the same',
  async t => {
    const shared = {
      secrets: [Buffer.alloc(32, 1)],
      signingKeys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey]
    } as const
    const one = await startApp(t, shared)
    const token = await one.accessToken()
    const { challengeToken, code } = await one.loginAndReadCode()
    for (const settings of [
      { issuer: 'https://other.example' },
      { audience: 'https://other.example' }
    ]) {
      const { me } = await startApp(t, {
        ...shared,
        ...settings,
        database: one.database,
        withoutUsers: true
      })
      t.equal(slugOf(await me(token)), 'invalid-token', JSON.stringify(settings))
    }
    const { verify } = await startApp(t, {
      ...shared,
      issuer: 'https://other.example',
      database: one.database,
      withoutUsers: true
    })
    t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
  }
)

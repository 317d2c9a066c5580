import { generateKeyPairSync } from 'node:crypto'
import type { LightMyRequestResponse } from 'fastify'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { differentCode, slugOf, startApp } from '../support/start-app.ts'

const newPhone = '+12025550106'

/** A call with a token, the kinds of tokens that belong there, and the problem for any other. */
type Endpoint = {
  home: string | string[]
  slug: string
  ask: (token: string) => Promise<LightMyRequestResponse>
}

t.test('every kind of token works at its own endpoints and gets 401 at all others', async t => {
  const {
    loginAndReadCode,
    changeMe,
    changePassword,
    changePhone,
    confirm,
    deleteMe,
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
    verifyPhone,
    wait
  } = await startApp(t)
  const { accessToken, refreshToken } = await logIn()
  const first = (await confirm(accessToken)).json().confirmationToken
  const { receipt } = (await verifyConfirmation(accessToken, first, twilio.lastCode())).json()
  wait(31)
  const { challengeToken, code } = await loginAndReadCode()
  const { confirmationToken } = (await confirm(accessToken)).json()
  const confirmCode = twilio.lastCode()
  const phoneChangeToken = (await changePhone(accessToken, newPhone)).json().challengeToken
  const phoneCode = twilio.lastCode()
  const tokens = {
    challengeToken,
    confirmationToken,
    phoneChangeToken,
    accessToken,
    refreshToken,
    receipt
  }
  const endpoints: Record<string, Endpoint> = {
    '/verify': {
      home: 'challengeToken',
      slug: 'challenge-ended',
      ask: token => verify(token, code)
    },
    '/resend': {
      home: ['challengeToken', 'phoneChangeToken'],
      slug: 'challenge-ended',
      ask: resend
    },
    '/refresh': { home: 'refreshToken', slug: 'session-ended', ask: refresh },
    '/me': { home: 'accessToken', slug: 'invalid-token', ask: me },
    'PATCH /me': {
      home: 'accessToken',
      slug: 'invalid-token',
      ask: token => changeMe(token, { locale: 'de' })
    },
    'DELETE /me': { home: 'accessToken', slug: 'invalid-token', ask: token => deleteMe(token) },
    '/me/password': {
      home: 'accessToken',
      slug: 'invalid-token',
      ask: token => changePassword(token, 'another horse battery')
    },
    '/me/phone': {
      home: 'accessToken',
      slug: 'invalid-token',
      ask: token => changePhone(token, '+12025550107')
    },
    '/me/phone/verify as Bearer': {
      home: 'accessToken',
      slug: 'invalid-token',
      ask: token => verifyPhone(token, phoneChangeToken, phoneCode)
    },
    '/me/phone/verify': {
      home: 'phoneChangeToken',
      slug: 'challenge-ended',
      ask: token => verifyPhone(accessToken, token, phoneCode)
    },
    'GET /sessions': { home: 'accessToken', slug: 'invalid-token', ask: sessions },
    'DELETE /sessions': { home: 'accessToken', slug: 'invalid-token', ask: endSession },
    'DELETE /sessions/{id}': {
      home: 'accessToken',
      slug: 'invalid-token',
      ask: token => endSession(token, String(decodeJwt(accessToken)['sid']))
    },
    '/confirmations': { home: 'accessToken', slug: 'invalid-token', ask: confirm },
    '/confirmations/resend as Bearer': {
      home: 'accessToken',
      slug: 'invalid-token',
      ask: token => resendConfirmation(token, confirmationToken)
    },
    '/confirmations/resend': {
      home: 'confirmationToken',
      slug: 'challenge-ended',
      ask: token => resendConfirmation(accessToken, token)
    },
    '/confirmations/verify as Bearer': {
      home: 'accessToken',
      slug: 'invalid-token',
      ask: token => verifyConfirmation(token, confirmationToken, confirmCode)
    },
    '/confirmations/verify': {
      home: 'confirmationToken',
      slug: 'challenge-ended',
      ask: token => verifyConfirmation(accessToken, token, confirmCode)
    }
  }
  const texts = twilio.texts.length
  for (const [name, { home, slug, ask }] of Object.entries(endpoints)) {
    for (const [kind, token] of Object.entries(tokens).filter(
      ([kind]) => ![home].flat().includes(kind)
    )) {
      const answer = await ask(token)
      t.strictSame([answer.statusCode, slugOf(answer)], [401, slug], `${kind} at ${name}`)
      t.match(answer.headers['www-authenticate'], /^Bearer realm=/, `${kind} at ${name}`)
    }
  }
  // /logout reveals nothing about the session. Only a refresh token ends one.
  for (const token of Object.values(tokens).filter(token => token !== refreshToken))
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
  t.match((await me(accessToken)).json(), { locale: null, phone: '+1•••••••43' }, 'or the account')
  t.equal(
    (await verifyPhone(accessToken, phoneChangeToken, differentCode(phoneCode))).json()
      .attemptsRemaining,
    4,
    'or the pending change of the number'
  )
  t.equal((await verifyPhone(accessToken, phoneChangeToken, phoneCode)).statusCode, 204)
})

t.test('a token continues only a challenge of its own kind', async t => {
  const { changePhone, confirm, logIn, loginAndReadCode, twilio, ...service } = await startApp(t)
  const { accessToken } = await logIn()
  const { challengeToken, code } = await loginAndReadCode()
  const { confirmationToken } = (await confirm(accessToken)).json()
  const confirmCode = twilio.lastCode()
  const change = (await changePhone(accessToken, newPhone)).json().challengeToken
  const changeCode = twilio.lastCode()
  // Each token comes with the code of its own challenge.
  for (const answer of [
    await service.verify(change, changeCode),
    await service.verify(confirmationToken, confirmCode),
    await service.verifyConfirmation(accessToken, change, changeCode),
    await service.resendConfirmation(accessToken, change),
    await service.verifyConfirmation(accessToken, challengeToken, code),
    await service.verifyPhone(accessToken, challengeToken, code),
    await service.verifyPhone(accessToken, confirmationToken, confirmCode),
    await service.resend(confirmationToken)
  ])
    t.equal(slugOf(answer), 'challenge-ended')
  t.equal((await service.verify(challengeToken, code)).statusCode, 200)
  t.equal(
    (await service.verifyConfirmation(accessToken, confirmationToken, confirmCode)).statusCode,
    200
  )
  t.equal((await service.verifyPhone(accessToken, change, changeCode)).statusCode, 204)
})

t.test('a challenge token is not accepted as a bearer token anywhere', async t => {
  const { app, loginAndReadCode } = await startApp(t)
  const { challengeToken } = await loginAndReadCode()
  for (const url of [
    '/me',
    '/me/password',
    '/me/phone',
    '/me/phone/verify',
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
  'challenge, confirmation, phone-change and access tokens share neither type, audience nor key',
  async t => {
    const { app, changePhone, loginAndReadCode, confirm, logIn, twilio, verifyConfirmation } =
      await startApp(t, {
        issuer: 'https://login.example',
        audience: 'https://login.example'
      })
    const { accessToken } = await logIn()
    const phoneChangeToken = (await changePhone(accessToken, newPhone)).json().challengeToken
    const { confirmationToken } = (await confirm(accessToken)).json()
    const { receipt } = (
      await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())
    ).json()
    const { challengeToken } = await loginAndReadCode()
    const tell = (token: string) => ({ ...decodeProtectedHeader(token), aud: decodeJwt(token).aud })
    const kinds = [challengeToken, confirmationToken, phoneChangeToken, accessToken].map(tell)
    for (const name of ['typ', 'kid', 'aud'] as const)
      t.equal(new Set(kinds.map(kind => kind[name])).size, 4, name)
    t.same(
      [...kinds, tell(receipt)].map(({ typ }) => typ),
      ['challenge+jwt', 'confirmation+jwt', 'phone-change+jwt', 'at+jwt', 'receipt+jwt']
    )
    t.same(
      kinds.map(({ alg }) => alg),
      ['HS256', 'HS256', 'HS256', 'ES256']
    )
    const published = (await app.inject('/.well-known/jwks.json')).json().keys
    t.match(published, [{ kid: kinds[3]?.kid }], 'the keys of the others are not published')
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

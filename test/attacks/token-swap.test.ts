import { generateKeyPairSync } from 'node:crypto'
import type { LightMyRequestResponse } from 'fastify'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { differentCode, slugOf, startApp } from '../support/start-app.ts'

const newPhone = '+12025550106'

/** A call with a token, the kinds of tokens that belong there, and the problem for any other. */
type Endpoint = {
  accepts: string | string[]
  slug: string
  send: (token: string) => Promise<LightMyRequestResponse>
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
    read,
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
      accepts: 'challengeToken',
      slug: 'challenge-ended',
      send: token => verify(token, code)
    },
    '/resend': {
      accepts: ['challengeToken', 'phoneChangeToken'],
      slug: 'challenge-ended',
      send: resend
    },
    '/challenge': {
      accepts: ['challengeToken', 'confirmationToken', 'phoneChangeToken'],
      slug: 'challenge-ended',
      send: read
    },
    '/refresh': { accepts: 'refreshToken', slug: 'session-ended', send: refresh },
    '/me': { accepts: 'accessToken', slug: 'invalid-token', send: me },
    'PATCH /me': {
      accepts: 'accessToken',
      slug: 'invalid-token',
      send: token => changeMe(token, { locale: 'de' })
    },
    'DELETE /me': { accepts: 'accessToken', slug: 'invalid-token', send: token => deleteMe(token) },
    '/me/password': {
      accepts: 'accessToken',
      slug: 'invalid-token',
      send: token => changePassword(token, 'another horse battery')
    },
    '/me/phone': {
      accepts: 'accessToken',
      slug: 'invalid-token',
      send: token => changePhone(token, '+12025550107')
    },
    '/me/phone/verify as Bearer': {
      accepts: 'accessToken',
      slug: 'invalid-token',
      send: token => verifyPhone(token, phoneChangeToken, phoneCode)
    },
    '/me/phone/verify': {
      accepts: 'phoneChangeToken',
      slug: 'challenge-ended',
      send: token => verifyPhone(accessToken, token, phoneCode)
    },
    'GET /sessions': { accepts: 'accessToken', slug: 'invalid-token', send: sessions },
    'DELETE /sessions': { accepts: 'accessToken', slug: 'invalid-token', send: endSession },
    'DELETE /sessions/{id}': {
      accepts: 'accessToken',
      slug: 'invalid-token',
      send: token => endSession(token, String(decodeJwt(accessToken)['sid']))
    },
    '/confirmations': { accepts: 'accessToken', slug: 'invalid-token', send: confirm },
    '/confirmations/resend as Bearer': {
      accepts: 'accessToken',
      slug: 'invalid-token',
      send: token => resendConfirmation(token, confirmationToken)
    },
    '/confirmations/resend': {
      accepts: 'confirmationToken',
      slug: 'challenge-ended',
      send: token => resendConfirmation(accessToken, token)
    },
    '/confirmations/verify as Bearer': {
      accepts: 'accessToken',
      slug: 'invalid-token',
      send: token => verifyConfirmation(token, confirmationToken, confirmCode)
    },
    '/confirmations/verify': {
      accepts: 'confirmationToken',
      slug: 'challenge-ended',
      send: token => verifyConfirmation(accessToken, token, confirmCode)
    }
  }
  const sentBefore = twilio.messages.length
  for (const [name, { accepts, slug, send }] of Object.entries(endpoints)) {
    for (const [kind, token] of Object.entries(tokens).filter(
      ([kind]) => ![accepts].flat().includes(kind)
    )) {
      const response = await send(token)
      t.strictSame([response.statusCode, slugOf(response)], [401, slug], `${kind} at ${name}`)
      t.match(response.headers['www-authenticate'], /^Bearer realm=/, `${kind} at ${name}`)
    }
  }
  // /logout reveals nothing about the session. Only a refresh token ends one.
  for (const token of Object.values(tokens).filter(token => token !== refreshToken))
    t.equal((await logout(token)).statusCode, 204)
  t.equal(twilio.messages.length, sentBefore, 'no message was sent')
  t.equal((await me(accessToken)).statusCode, 200, 'the session is unchanged')
  t.equal(
    (await verifyConfirmation(accessToken, confirmationToken, differentCode(confirmCode))).json()
      .attemptsRemaining,
    4,
    'the confirmation is unchanged'
  )
  t.equal((await verifyConfirmation(accessToken, confirmationToken, confirmCode)).statusCode, 200)
  t.equal((await refresh(refreshToken)).statusCode, 200)
  t.equal(
    (await verify(challengeToken, differentCode(code))).json().attemptsRemaining,
    4,
    'the challenge is unchanged'
  )
  t.equal((await verify(challengeToken, code)).statusCode, 200)
  t.match(
    (await me(accessToken)).json(),
    { locale: null, phone: '+1•••••••43' },
    'the account is unchanged'
  )
  t.equal(
    (await verifyPhone(accessToken, phoneChangeToken, differentCode(phoneCode))).json()
      .attemptsRemaining,
    4,
    'the pending phone change is unchanged'
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
  for (const response of [
    await service.verify(change, changeCode),
    await service.verify(confirmationToken, confirmCode),
    await service.verifyConfirmation(accessToken, change, changeCode),
    await service.resendConfirmation(accessToken, change),
    await service.verifyConfirmation(accessToken, challengeToken, code),
    await service.verifyPhone(accessToken, challengeToken, code),
    await service.verifyPhone(accessToken, confirmationToken, confirmCode),
    await service.resend(confirmationToken)
  ])
    t.equal(slugOf(response), 'challenge-ended')
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
    const describe = (token: string) => ({
      ...decodeProtectedHeader(token),
      aud: decodeJwt(token).aud
    })
    const kinds = [challengeToken, confirmationToken, phoneChangeToken, accessToken].map(describe)
    for (const name of ['typ', 'kid', 'aud'] as const)
      t.equal(new Set(kinds.map(kind => kind[name])).size, 4, name)
    t.same(
      [...kinds, describe(receipt)].map(({ typ }) => typ),
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

t.test('a token of another issuer or audience is rejected even with the same keys', async t => {
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
})

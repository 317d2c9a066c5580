import { generateKeyPairSync } from 'node:crypto'
import Fastify from 'fastify'
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import t from 'tap'
import { createAccessTokens } from '../../src/http/tokens/access-tokens.ts'
import { signingKey } from '../../src/http/tokens/signing-key.ts'
import { startApp, transfer } from '../support/start-app.ts'

t.test('reading a token twice returns separate claims', async t => {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const { accessToken, clock } = await startApp(t, { signingKeys: [key] })
  const app = Fastify()
  t.teardown(() => app.close())
  const { read } = await createAccessTokens(
    app,
    {
      issuer: 'https://login.example',
      audience: 'https://api.example',
      lifetime: 900,
      keys: [await signingKey(key)]
    },
    clock
  )
  const header = `Bearer ${await accessToken()}`
  const claims = read(header, { userId: null })
  const { sub, amr } = structuredClone(claims)
  claims.sub = 'another user'
  claims.amr.push('hwk')
  t.match(read(header, { userId: null }), { sub, amr })
})

t.test('with several audiences, the aud claim of access tokens and receipts is a list', async t => {
  const audience = ['https://a.example', 'https://b.example'] as const
  const { app, clock, confirm, logIn, me, twilio, verifyConfirmation } = await startApp(t, {
    audience
  })
  const { accessToken } = await logIn()
  t.equal((await me(accessToken)).statusCode, 200)
  const { confirmationToken } = (await confirm(accessToken, transfer)).json()
  const { receipt } = (
    await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())
  ).json()
  const keys = createLocalJWKSet((await app.inject('/.well-known/jwks.json')).json())
  for (const token of [accessToken, receipt]) {
    t.same(decodeJwt(token).aud, audience)
    for (const expected of audience)
      await t.resolves(jwtVerify(token, keys, { audience: expected, currentDate: clock() }))
  }
})

import { createHash, generateKeyPairSync } from 'node:crypto'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import t from 'tap'
import { jwksMaxAge } from '../../src/domain/token-lifetimes.ts'
import { startApp } from '../support/start-app.ts'

const keys = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  EdDSA: generateKeyPairSync('ed25519').privateKey,
  RS256: generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey
}

for (const [alg, key] of Object.entries(keys)) {
  t.test(
    `any service can verify a token signed with ${alg} by the published keys alone`,
    async t => {
      const { app, accessToken, me } = await startApp(t, { signingKeys: [key] })
      const token = await accessToken()
      const jwks = (await app.inject('/.well-known/jwks.json')).json()
      const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(jwks), {
        issuer: 'https://login.example',
        audience: 'https://api.example',
        typ: 'at+jwt',
        algorithms: [alg],
        requiredClaims: ['sub', 'client_id', 'iat', 'exp', 'jti', 'auth_time', 'amr', 'sid']
      })
      t.equal(payload['client_id'], 'sms-login')
      t.equal(protectedHeader.kid, jwks.keys[0].kid)
      t.strictSame(Object.keys(protectedHeader).sort(), ['alg', 'kid', 'typ'])
      t.equal((await me(token)).statusCode, 200)
    }
  )
}

t.test('every key is published with its use and algorithm and without private members', async t => {
  const { app, accessToken } = await startApp(t, {
    signingKeys: [keys.ES256, keys.EdDSA, keys.RS256]
  })
  const answer = await app.inject('/.well-known/jwks.json')
  t.equal(answer.statusCode, 200)
  t.match(answer.headers['content-type'], /^application\/json/)
  const { keys: published, ...rest } = answer.json()
  t.strictSame(rest, {})
  t.strictSame(
    published.map((key: object) => Object.keys(key).sort()),
    [
      ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
      ['alg', 'crv', 'kid', 'kty', 'use', 'x'],
      ['alg', 'e', 'kid', 'kty', 'n', 'use']
    ]
  )
  t.match(published, [
    { kty: 'EC', alg: 'ES256', use: 'sig' },
    { kty: 'OKP', alg: 'EdDSA', use: 'sig' },
    { kty: 'RSA', alg: 'RS256', use: 'sig' }
  ])
  t.equal(new Set(published.map(({ kid }: { kid: string }) => kid)).size, 3)
  t.equal(decodeProtectedHeader(await accessToken()).kid, published[0].kid, 'the first one signs')
})

t.test('the id of a key is its thumbprint', async t => {
  const { app } = await startApp(t, { signingKeys: [keys.ES256, keys.EdDSA, keys.RS256] })
  const [ec, okp, rsa] = (await app.inject('/.well-known/jwks.json')).json().keys
  // RFC 7638 §3: the members that the kind of key needs, in the order of their names.
  const thumbprint = (members: object) =>
    createHash('sha256').update(JSON.stringify(members)).digest('base64url')
  t.equal(ec.kid, thumbprint({ crv: ec.crv, kty: ec.kty, x: ec.x, y: ec.y }))
  t.equal(okp.kid, thumbprint({ crv: okp.crv, kty: okp.kty, x: okp.x }))
  t.equal(rsa.kid, thumbprint({ e: rsa.e, kty: rsa.kty, n: rsa.n }))
})

t.test(
  'clients may cache the keys no longer than a new key is published before its use',
  async t => {
    const { app } = await startApp(t)
    t.equal(
      (await app.inject('/.well-known/jwks.json')).headers['cache-control'],
      `public, max-age=${jwksMaxAge}`
    )
    t.equal(jwksMaxAge, 300, 'as docs/verifying-tokens.md and .env.example say')
  }
)

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
    `any service can verify a token signed with ${alg} using only the published keys`,
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
  const response = await app.inject('/.well-known/jwks.json')
  t.equal(response.statusCode, 200)
  t.match(response.headers['content-type'], /^application\/json/)
  const { keys: published, ...rest } = response.json()
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
  t.equal(decodeProtectedHeader(await accessToken()).kid, published[0].kid, 'the first key signs')
})

t.test('the kid of a key is its thumbprint', async t => {
  const { app } = await startApp(t, { signingKeys: [keys.ES256, keys.EdDSA, keys.RS256] })
  const [ec, okp, rsa] = (await app.inject('/.well-known/jwks.json')).json().keys
  // RFC 7638 §3: the required members of the key type, in lexicographic order.
  const thumbprint = (members: object) =>
    createHash('sha256').update(JSON.stringify(members)).digest('base64url')
  t.equal(ec.kid, thumbprint({ crv: ec.crv, kty: ec.kty, x: ec.x, y: ec.y }))
  t.equal(okp.kid, thumbprint({ crv: okp.crv, kty: okp.kty, x: okp.x }))
  t.equal(rsa.kid, thumbprint({ e: rsa.e, kty: rsa.kty, n: rsa.n }))
})

t.test(
  'clients may cache the keys only as long as a new key is published before its first use',
  async t => {
    const { app } = await startApp(t)
    t.equal(
      (await app.inject('/.well-known/jwks.json')).headers['cache-control'],
      `public, max-age=${jwksMaxAge}`
    )
    t.equal(jwksMaxAge, 300, 'documented in docs/verifying-tokens.md and .env.example')
  }
)

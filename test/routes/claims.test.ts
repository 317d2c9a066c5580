import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose'
import t from 'tap'
import { claimsError, type Claims } from '../../src/domain/users/claims.ts'
import { Prisma } from '../../src/adapters/prisma/client.ts'
import { serverUrl } from '../support/database.ts'
import { startApp } from '../support/start-app.ts'

const ours = 'amr aud auth_time client_id exp iat iss jti sid sub'.split(' ')

/** The claims of a token except those that the service sets itself. */
const added = (token: string) =>
  Object.fromEntries(Object.entries(decodeJwt(token)).filter(([name]) => !ours.includes(name)))

/** Starts an application whose only user has these claims. */
async function startWithClaims(t: Parameters<typeof startApp>[0], claims?: Claims) {
  const app = await startApp(t)
  const setClaims = (claims: Claims) =>
    app.users.change({ username: 'ada' }, { claims }, app.clock())
  if (claims !== undefined) await setClaims(claims)
  return { ...app, setClaims }
}

t.test('issuing', async t => {
  t.test("an access token contains the user's claims in addition to its own", async t => {
    const claims = { roles: ['admin', 'reader'], tenant: { id: 42, trial: false } }
    const { app, clock, accessToken, me } = await startWithClaims(t, claims)
    const token = await accessToken()
    t.strictSame(added(token), claims)
    t.strictSame(
      Object.keys(decodeJwt(token)).sort(),
      [...ours, 'roles', 'tenant'].sort(),
      'the token has no other claims'
    )
    t.equal((await me(token)).statusCode, 200)
    const keys = createLocalJWKSet((await app.inject('/.well-known/jwks.json')).json())
    await t.resolves(
      jwtVerify(token, keys, {
        algorithms: ['ES256'],
        typ: 'at+jwt',
        issuer: 'https://login.example',
        audience: 'https://api.example',
        currentDate: clock()
      })
    )
  })

  t.test("a user without claims gets a token with the service's claims only", async t => {
    const { accessToken } = await startWithClaims(t)
    t.strictSame(Object.keys(decodeJwt(await accessToken())).sort(), ours)
  })

  t.test('claims that are not refused reach the token unchanged', async t => {
    const { logIn, refresh, setClaims } = await startWithClaims(t)
    let { refreshToken } = await logIn()
    const anyClaims = fc
      .dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' }))
      .filter(claims => claimsError(claims) === undefined)
    await fc.assert(
      fc.asyncProperty(anyClaims, async claims => {
        await setClaims(claims as Claims)
        const response = (await refresh(refreshToken)).json()
        refreshToken = response.refreshToken
        t.strictSame(added(response.accessToken), JSON.parse(JSON.stringify(claims)))
      }),
      { numRuns: 50, examples: [[{ rate: -1232761.8015807215 }]] }
    )
  })

  t.test('2 KiB of claims fit into a header of 4 KiB with every kind of key', async t => {
    for (const key of [
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
      generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey
    ]) {
      const { prisma, accessToken, me } = await startApp(t, { signingKeys: [key] })
      const claims = { text: 'ä'.repeat((2048 - '{"text":""}'.length - 1) / 2) }
      t.equal(claimsError(claims), undefined)
      await prisma.user.updateMany({ data: { claims } })
      const token = await accessToken()
      t.ok(Buffer.byteLength(`authorization: Bearer ${token}\r\n`) <= 4096, `${token.length}`)
      t.equal((await me(token)).statusCode, 200)
    }
  })
})

t.test('changes', async t => {
  t.test('a change takes effect at the next refresh and ends no session', async t => {
    const { logIn, me, refresh, setClaims } = await startWithClaims(t, { roles: ['reader'] })
    const first = await logIn()
    t.match(await setClaims({ roles: ['admin'] }), { user: { claims: { roles: ['admin'] } } })
    t.strictSame(added(first.accessToken), { roles: ['reader'] })
    t.equal((await me(first.accessToken)).statusCode, 200, 'the previous token stays valid')
    const next = (await refresh(first.refreshToken)).json()
    t.strictSame(added(next.accessToken), { roles: ['admin'] })
    await setClaims({})
    const last = (await refresh(next.refreshToken)).json()
    t.strictSame(added(last.accessToken), {})
  })

  t.test('a change between login and verify is in the first token', async t => {
    const { loginAndReadCode, setClaims, verify } = await startWithClaims(t, { tenant: 1 })
    const { challengeToken, code } = await loginAndReadCode()
    await setClaims({ tenant: 2 })
    const { accessToken } = (await verify(challengeToken, code)).json()
    t.strictSame(added(accessToken), { tenant: 2 })
  })

  t.test('a refresh that is repeated after a lost response has the current claims', async t => {
    const { logIn, refresh, setClaims, wait } = await startWithClaims(t, { tenant: 1 })
    const { refreshToken } = await logIn()
    const lost = (await refresh(refreshToken)).json()
    await setClaims({ tenant: 2 })
    wait(29)
    const again = (await refresh(refreshToken)).json()
    t.equal(again.refreshToken, lost.refreshToken)
    t.strictSame(added(again.accessToken), { tenant: 2 })
  })

  t.test('concurrent refreshes get either the old or the new claims, never a mix', async t => {
    const version = (n: number) => ({ roles: [`role-${n}`], version: n })
    const { logIn, refresh, setClaims } = await startWithClaims(t, version(0))
    const sessions = [await logIn(), await logIn(), await logIn(), await logIn(), await logIn()]
    const change = async () => {
      for (let n = 1; n <= 10; n++) await setClaims(version(n))
    }
    const [, ...responses] = await Promise.all([
      change(),
      ...Array.from({ length: 50 }, (_, n) => refresh(sessions[n % 5]?.refreshToken ?? ''))
    ])
    t.equal(responses.length, 50)
    for (const response of responses) {
      const claims = added(response.json().accessToken)
      t.strictSame(claims, version(Number(claims['version'])))
    }
    const { accessToken } = (await refresh(responses[0]?.json().refreshToken)).json()
    t.strictSame(added(accessToken), version(10))
    if (serverUrl === undefined)
      t.comment('one connection cannot show races; set TEST_DATABASE_URL')
  })
})

t.test('a database edited by hand', async t => {
  t.test('stored claims never replace or add a reserved claim', async t => {
    const forged = {
      ...Object.fromEntries(ours.map(name => [name, 'forged'])),
      nbf: 32503680000,
      SUB: 'forged',
      cnf: { jkt: 'forged' },
      tenant: 1
    }
    const { accessToken, me, users } = await startWithClaims(t, forged)
    const token = await accessToken()
    t.strictSame(added(token), { tenant: 1 })
    t.notMatch(JSON.stringify(decodeJwt(token)), /forged/)
    const user = await users.find({ username: 'ada' })
    t.match((await me(token)).json(), { id: user?.id })
    t.strictSame(user?.claims, { tenant: 1 })
  })

  t.test('a stored value that is not an object adds no claims', async t => {
    const { logIn, me, prisma, refresh, users } = await startWithClaims(t)
    for (const claims of [Prisma.JsonNull, 'roles', 1, ['roles'], true]) {
      await prisma.user.updateMany({ data: { claims } })
      const first = await logIn()
      t.strictSame(added(first.accessToken), {}, JSON.stringify(claims))
      const next = await refresh(first.refreshToken)
      t.strictSame(added(next.json().accessToken), {}, JSON.stringify(claims))
      t.equal((await me(first.accessToken)).statusCode, 200)
      t.match(await users.find({ username: 'ada' }), { claims: {} })
    }
  })
})

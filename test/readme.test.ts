import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { decodeJwt, decodeProtectedHeader, SignJWT, type JWTPayload } from 'jose'
import t from 'tap'
import { withProblems } from '../scripts/make-readme.ts'
import { problemKinds } from '../src/http/problem-kinds.ts'
import { start } from './support/start.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const [, snippet = ''] = /```js\n([^]*?)```/.exec(readme) ?? []

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

t.test('with the lines of the README another service takes a live token, and no other', async t => {
  const [key, stranger] = [newKey(), newKey()]
  const { app, accessToken, challenge } = await start(t, { signingKeys: [key], issuer: 'https://login.example.com', audience: 'https://api.example.com' })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const folder = t.testdir({ 'verify.mjs': snippet.replace('https://login.example.com/.well-known/', `${url}/.well-known/`) })
  const { verify }: { verify: (token: string) => Promise<JWTPayload> } = await import(pathToFileURL(join(folder, 'verify.mjs')).href)

  const good = await accessToken()
  const claims = decodeJwt(good)
  const { kid = '' } = decodeProtectedHeader(good)
  t.same(await verify(good), claims)

  const header = { alg: 'ES256', typ: 'at+jwt', kid }
  const sign = (change: object = {}, headerChange: object = {}, by = key) => new SignJWT({ ...claims, ...change }).setProtectedHeader({ ...header, ...headerChange }).sign(by)
  t.same(await verify(await sign()), claims, 'and one forged with the right key is not told apart')

  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const [head, , signature] = good.split('.')
  const withHmac = (secret: string) => {
    const input = `${encode({ ...header, alg: 'HS256' })}.${encode(claims)}`
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  }
  const now = Math.floor(Date.now() / 1000)
  const forged: Record<string, string> = {
    'no signature': `${encode({ ...header, alg: 'none' })}.${encode(claims)}.`,
    'the public key as a secret, in PEM': withHmac(createPublicKey(key).export({ format: 'pem', type: 'spki' }).toString()),
    'the public key as a secret, as a JWK': withHmac(JSON.stringify(createPublicKey(key).export({ format: 'jwk' }))),
    expired: await sign({ exp: now - 60 }),
    'not yet': await sign({ nbf: now + 60 }),
    'another audience': await sign({ aud: 'https://other.example.com' }),
    'another issuer': await sign({ iss: 'https://other.example.com' }),
    'another type': await sign({}, { typ: 'JWT' }),
    'a receipt': await sign({}, { typ: 'receipt+jwt' }),
    'a challenge token': (await challenge()).challengeToken,
    "a stranger's key": await sign({}, {}, stranger),
    "a stranger's key of another id": await sign({}, { kid: 'mine' }, stranger),
    'another payload': `${head}.${encode({ ...claims, sub: 'somebody else' })}.${signature}`
  }
  for (const claim of Object.keys(claims).filter(claim => claim !== 'amr')) forged[`without ${claim}`] = await sign({ [claim]: undefined })
  for (const [what, token] of Object.entries(forged)) await t.rejects(verify(token), { code: /^ERR_J/ }, what)
})

t.test('the README tells of every problem what it means and what to do, as the service does (else: npm run readme)', async t => {
  t.equal(withProblems(readme), readme)
  for (const slug of Object.keys(problemKinds)) t.match(readme, `\n| \`${slug}\` | `)
})

import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { decodeJwt, decodeProtectedHeader, SignJWT, type JWTPayload } from 'jose'
import t from 'tap'
import { parse } from 'yaml'
import { blocksOf, readText } from './support/documents.ts'
import { ada, codeIn, startApp } from './support/start-app.ts'

const readme = readText('README.md')
const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

for (const document of ['README.md', 'docs/verifying-tokens.md'])
  t.test(`the verification code of ${document} accepts only valid tokens`, async t => {
    const [snippet = ''] = blocksOf(readText(document), 'js')
    const [key, attackerKey] = [newKey(), newKey()]
    const { app, accessToken, loginAndReadCode } = await startApp(t, {
      signingKeys: [key],
      issuer: 'https://login.example.com',
      audience: 'https://api.example.com'
    })
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    const folder = t.testdir({
      'verify.mjs': snippet.replace(
        /(https:.*|\$\{issuer\})\/\.well-known\//,
        `${url}/.well-known/`
      )
    })
    const { verify }: { verify: (token: string) => Promise<JWTPayload> } = await import(
      pathToFileURL(join(folder, 'verify.mjs')).href
    )

    const valid = await accessToken()
    const claims = decodeJwt(valid)
    const { kid = '' } = decodeProtectedHeader(valid)
    t.same(await verify(valid), claims)

    const header = { alg: 'ES256', typ: 'at+jwt', kid }
    const sign = (change: object = {}, headerChange: object = {}, by = key) =>
      new SignJWT({ ...claims, ...change })
        .setProtectedHeader({ ...header, ...headerChange })
        .sign(by)
    t.same(await verify(await sign()), claims, 'a token signed with the correct key is valid')

    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const [head, , signature] = valid.split('.')
    const withHmac = (secret: string) => {
      const input = `${encode({ ...header, alg: 'HS256' })}.${encode(claims)}`
      return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
    }
    const now = Math.floor(Date.now() / 1000)
    const forged: Record<string, string> = {
      'no signature': `${encode({ ...header, alg: 'none' })}.${encode(claims)}.`,
      'the public key as a secret, in PEM': withHmac(
        createPublicKey(key).export({ format: 'pem', type: 'spki' }).toString()
      ),
      'the public key as a secret, as a JWK': withHmac(
        JSON.stringify(createPublicKey(key).export({ format: 'jwk' }))
      ),
      expired: await sign({ exp: now - 60 }),
      'not yet valid': await sign({ nbf: now + 60 }),
      'another audience': await sign({ aud: 'https://other.example.com' }),
      'another issuer': await sign({ iss: 'https://other.example.com' }),
      'another type': await sign({}, { typ: 'JWT' }),
      'a receipt': await sign({}, { typ: 'receipt+jwt' }),
      'a challenge token': (await loginAndReadCode()).challengeToken,
      "an attacker's key": await sign({}, {}, attackerKey),
      "an attacker's key with another id": await sign({}, { kid: 'mine' }, attackerKey),
      'another payload': `${head}.${encode({ ...claims, sub: 'another user' })}.${signature}`
    }
    for (const claim of Object.keys(claims).filter(claim => claim !== 'amr'))
      forged[`without ${claim}`] = await sign({ [claim]: undefined })
    for (const [name, token] of Object.entries(forged))
      await t.rejects(verify(token), { code: /^ERR_J/ }, name)
  })

t.test('the requests of the quick start get the responses shown with them', async t => {
  const { post, twilio } = await startApp(t)
  const [requests, responses] = [blocksOf(readme, 'http'), blocksOf(readme, 'json')]
  t.equal(requests.length, 2)
  t.equal(responses.length, 2)
  const placeholders: Record<string, () => Promise<string> | string> = {
    username: () => ada.username,
    password: () => ada.password
  }
  for (const [n, request] of requests.entries()) {
    const [, path = '', text = ''] = /^POST (\S+)\n[^]*?\n\n([^]*)$/.exec(request) ?? []
    const body: Record<string, string> = JSON.parse(text)
    for (const name of Object.keys(body)) body[name] = (await placeholders[name]?.()) ?? ''
    const shown = JSON.parse(responses[n] ?? '')
    const response = await post(path, body)
    t.equal(response.statusCode, 200, path)
    const actual = response.json()
    t.same(Object.keys(actual), Object.keys(shown), path)
    for (const [name, value] of Object.entries(shown))
      if (!name.endsWith('Token') && name !== 'destination') t.equal(actual[name], value, name)
    Object.assign(placeholders, {
      challengeToken: () => actual.challengeToken,
      code: () => codeIn(twilio.messagesTo(ada.phone).at(-1)?.body)
    })
  }
})

t.test('the README lists every endpoint of the public API', async t => {
  const [, table = ''] = /^## Endpoints\n([^]*?)^## /m.exec(readme) ?? []
  const listed = [...table.matchAll(/`((?:GET|POST|PUT|PATCH|DELETE) \/[^`]*)`/g)].map(
    ([, endpoint]) => endpoint
  )
  const { paths } = parse(readText('openapi.yaml'))
  // Paths with servers of their own belong to the admin API.
  const described = Object.entries<object>(paths)
    .filter(([, methods]) => !('servers' in methods))
    .flatMap(([path, methods]) =>
      Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`)
    )
  const unlisted = ['GET /docs', 'GET /openapi.yaml'] // They describe the others.
  t.same(listed.sort(), [...described, ...unlisted].sort())
})

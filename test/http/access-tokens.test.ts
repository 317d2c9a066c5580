import { generateKeyPairSync } from 'node:crypto'
import Fastify from 'fastify'
import t from 'tap'
import { accessTokens } from '../../src/http/access-tokens.ts'
import { signingKey } from '../../src/http/signing-key.ts'
import { start } from '../support/start.ts'

t.test('each reading of a token is a new one: what is done to its claims is gone at the next', async t => {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const { accessToken, clock } = await start(t, { signingKeys: [key] })
  const app = Fastify()
  t.teardown(() => app.close())
  const { read } = await accessTokens(app, { issuer: 'https://login.example', audience: 'https://api.example', lifetime: 900, keys: [await signingKey(key)] }, clock)
  const header = `Bearer ${await accessToken()}`
  const claims = read(header)
  const { sub, amr } = structuredClone(claims)
  claims.sub = 'somebody else'
  claims.amr.push('hwk')
  t.match(read(header), { sub, amr })
})

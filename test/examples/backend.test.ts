import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { generateApiKey, hashApiKey } from '../../src/domain/admin/api-keys.ts'
import { unpackDatabase } from '../support/database.ts'
import { root } from '../support/documents.ts'
import { skipUnlessInstalled } from '../support/separate-packages.ts'
import { printedCode, startServer, startProgram } from '../support/start-process.ts'

const skip = skipUnlessInstalled('examples/backend')
const password = 'correct horse battery'

type BackendResponse = { status: number; headers: Headers; body: any }

async function send(
  url: string,
  method: string,
  token?: string,
  body?: object
): Promise<BackendResponse> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' })
    },
    ...(body !== undefined && { body: JSON.stringify(body) })
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? null : JSON.parse(text)
  }
}

/** Starts sms-login with its admin API. */
async function startLogin(t: Test) {
  const folder = t.testdir()
  await unpackDatabase(join(folder, 'data/pglite'))
  const apiKey = generateApiKey()
  const server = await startServer(t, {
    folder,
    env: {
      ADMIN_PORT: '0',
      API_KEY_HASHES: hashApiKey(apiKey).toString('hex'),
      RESEND_COOLDOWN: '0',
      LIMIT_IP_PER_MINUTE: '0'
    }
  })
  const [, adminUrl = ''] = await server.prints(/Admin API at (http:[^"]+)"/)
  const admin = (method: string, path: string, body?: object) =>
    send(`${adminUrl}${path}`, method, apiKey, body)
  return {
    apiKey,
    adminUrl,
    url: server.url,
    admin,
    login: server.login,
    /** Adds a user and returns the id. */
    async addUser(username: string, roles: string[]): Promise<string> {
      const user = { username, password, phone: '+12025550143', claims: { roles } }
      const { status, body } = await admin('POST', '/users', user)
      t.equal(status, 201)
      return body.id
    },
    async accessToken(username: string): Promise<string> {
      const { body } = await server.login(username, password)
      const code = printedCode(server.printed())
      return (await server.verify(body.challengeToken, code)).body.accessToken
    }
  }
}

/** Starts the example as the comment in its first lines describes. */
async function startBackend(t: Test, framework: string, env: Record<string, string>) {
  const backend = startProgram(t, process.execPath, [`${framework}.js`], {
    folder: join(root, 'examples/backend'),
    env: { PORT: '0', ...env }
  })
  const [, url = ''] = await backend.prints(/Backend at (http:\S+)/)
  return (method: string, path: string, token?: string, body?: object) =>
    send(`${url}${path}`, method, token, body)
}

for (const framework of ['express', 'fastify'])
  t.test(`the backend in ${framework}`, { skip }, async t => {
    const login = await startLogin(t)
    const env = {
      SMS_LOGIN_URL: login.url,
      SMS_LOGIN_ADMIN_URL: login.adminUrl,
      SMS_LOGIN_API_KEY: login.apiKey
    }
    const request = await startBackend(t, framework, env)
    const adaId = await login.addUser('ada', ['admin', 'auditor'])
    const beaId = await login.addUser('bea', [])
    const ada = await login.accessToken('ada')
    const bea = await login.accessToken('bea')

    t.test('a request without a valid access token gets 401 and a challenge', async t => {
      const missing = await request('GET', '/profile')
      t.equal(missing.status, 401)
      t.equal(missing.headers.get('www-authenticate'), 'Bearer')
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const sign = (header: object) =>
        new SignJWT(decodeJwt(ada)).setProtectedHeader({ alg: 'ES256', ...header }).sign(privateKey)
      const { challengeToken } = (await login.login('ada', password)).body
      for (const token of [
        'x',
        `${ada.slice(0, -10)}AAAAAAAAAA`,
        challengeToken,
        login.apiKey,
        await sign(decodeProtectedHeader(ada)),
        await sign({ typ: 'at+jwt', kid: 'unknown' })
      ])
        for (const [method, path] of [
          ['GET', '/profile'],
          ['GET', '/reports'],
          ['POST', '/members']
        ] as const) {
          const { status, headers, body } = await request(method, path, token)
          t.equal(status, 401)
          t.equal(headers.get('www-authenticate'), 'Bearer error="invalid_token"')
          t.same(body, { error: 'The access token is not valid.' })
        }
    })

    t.test('the roles in the token decide what a user may do', async t => {
      t.match(await request('GET', '/profile', ada), {
        status: 200,
        body: { id: adaId, roles: ['admin', 'auditor'] }
      })
      t.match(await request('GET', '/reports', ada), { status: 200, body: { reports: [] } })
      t.match(await request('GET', '/profile', bea), {
        status: 200,
        body: { id: beaId, roles: [] }
      })
      t.match(await request('GET', '/reports', bea), {
        status: 403,
        body: { error: 'This needs the role auditor.' }
      })
    })

    t.test('an admin adds a member, who can log in and is not an admin', async t => {
      const form = { username: 'zoe', password, phone: '+12025550144' }
      const added = await request('POST', '/members', ada, {
        ...form,
        claims: { roles: ['admin'] }
      })
      t.equal(added.status, 201)
      const token = await login.accessToken('zoe')
      t.match(decodeJwt(token), { sub: added.body.id, roles: ['member'] })
      t.match(await request('POST', '/members', token, form), { status: 403 })
      t.match(await request('POST', '/members', ada, form), {
        status: 409,
        body: { error: 'This username is taken.' }
      })
    })

    t.test('an invalid form gets 400 with the fields and adds no user', async t => {
      for (const [form, error] of [
        [{ username: 'eve', password: 'password', phone: '+12025550144' }, /^password: /],
        [{ username: 'eve', password, phone: '12' }, /^phone: /],
        [{ username: 'eve' }, /^password: /],
        [[], /^username: /]
      ] as const)
        t.match(await request('POST', '/members', ada, form), { status: 400, body: { error } })
      t.match(await login.admin('GET', '/users?username=eve'), { body: { users: [] } })
    })

    t.test('a new member can be added only with a current role and a live session', async t => {
      const form = { username: 'eve', password, phone: '+12025550144' }
      await login.admin('PATCH', `/users/${adaId}`, { claims: {} })
      t.match(await request('POST', '/members', ada, form), {
        status: 403,
        body: { error: 'This needs the role admin.' }
      })
      t.match(await request('GET', '/reports', ada), { status: 200 }, 'the token has the role')
      await login.admin('PATCH', `/users/${adaId}`, { claims: { roles: ['admin'] } })
      await login.admin('DELETE', `/users/${adaId}/sessions`)
      t.match(await request('POST', '/members', ada, form), { status: 401 })
      t.match(await login.admin('GET', '/users?username=eve'), { body: { users: [] } })
    })

    t.test('if sms-login cannot be used, the response is 503 without the reason', async t => {
      const nowhere = 'http://127.0.0.1:1'
      const token = await login.accessToken('ada')
      const form = { username: 'eve', password, phone: '+12025550144' }
      for (const broken of [
        { SMS_LOGIN_URL: nowhere },
        { SMS_LOGIN_ADMIN_URL: nowhere },
        { SMS_LOGIN_API_KEY: generateApiKey() }
      ]) {
        const request = await startBackend(t, framework, { ...env, ...broken })
        const { status, headers, body } = await request('POST', '/members', token, form)
        t.equal(status, 503, JSON.stringify(broken))
        t.equal(headers.get('retry-after'), '5')
        t.same(body, { error: 'Try again later.' })
      }
    })

    t.test('without an API key the backend does not start', async t => {
      const { code, stderr } = await startProgram(t, process.execPath, [`${framework}.js`], {
        folder: join(root, 'examples/backend')
      }).ended
      t.equal(code, 1)
      t.match(stderr, /SMS_LOGIN_API_KEY must be set/)
    })
  })

import { createHash } from 'node:crypto'
import t from 'tap'
import { generateApiKey, hashApiKey } from '../../src/domain/admin/api-keys.ts'
import { createTestDatabase } from '../support/database.ts'
import { startAdmin } from '../support/start-admin.ts'
import { slugOf } from '../support/start-app.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

t.test('keys', async t => {
  t.test('only a valid key gives access to the admin API', async t => {
    const { adminApp, apiKey, accessToken, eventsNamed } = await startAdmin(t)
    const list = (authorization?: string) =>
      adminApp.inject({
        url: '/users',
        headers: authorization === undefined ? {} : { authorization }
      })
    for (const valid of [`Bearer ${apiKey}`, `bearer ${apiKey}`])
      t.equal((await list(valid)).statusCode, 200)

    const invalid = [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      apiKey,
      `Basic ${apiKey}`,
      `Basic ${Buffer.from(`x:${apiKey}`).toString('base64')}`,
      `Bearer ${sha256(apiKey)}`,
      `Bearer ${sha256(apiKey).toUpperCase()}`,
      `Bearer ${hashApiKey(apiKey).toString('base64url')}`,
      `Bearer ${apiKey.toUpperCase()}`,
      `Bearer ${apiKey.toLowerCase()}`,
      `Bearer ${apiKey.replace('sms-login_', '')}`,
      `Bearer ${apiKey.slice(0, -1)}`,
      `Bearer ${apiKey}=`,
      `Bearer ${apiKey} x`,
      `Bearer "${apiKey}"`,
      `Bearer ${apiKey},${apiKey}`,
      `Bearer x ${apiKey}`,
      `Bearer\t${apiKey}`,
      `Bearer ${generateApiKey()}`,
      `Bearer ${await accessToken()}`
    ]
    for (const authorization of invalid) {
      const response = await list(authorization)
      t.match(
        {
          slug: slugOf(response),
          status: response.statusCode,
          challenge: response.headers['www-authenticate']
        },
        {
          slug: 'invalid-token',
          status: 401,
          challenge: /^bearer/i.test(authorization ?? '')
            ? 'Bearer realm="sms-login", error="invalid_token"'
            : 'Bearer realm="sms-login"'
        },
        String(authorization)
      )
    }
    t.equal(eventsNamed('api_key.rejected').length, invalid.length)
    t.equal(eventsNamed('admin.requested').length, 2)
  })

  t.test('an API key is not accepted as an access token', async t => {
    const { apiKey, me } = await startAdmin(t)
    t.equal(slugOf(await me(apiKey)), 'invalid-token')
  })

  t.test('both keys work during a rotation, and only the new key afterwards', async t => {
    const [old, next] = [generateApiKey(), generateApiKey()]
    const using = async (apiKeys: string[]) => {
      const { adminApp } = await startAdmin(t, { apiKeys })
      const responses = [old, next].map(key =>
        adminApp.inject({ url: '/users', headers: { authorization: `Bearer ${key}` } })
      )
      return (await Promise.all(responses)).map(({ statusCode }) => statusCode)
    }
    t.same(await using([old]), [200, 401])
    t.same(await using([old, next]), [200, 200])
    t.same(await using([next]), [401, 200])
  })
})

t.test('without a valid key', async t => {
  t.test('every path and method gets the same 401', async t => {
    const { adminApp, idOf } = await startAdmin(t)
    const id = await idOf('ada')
    for (const [method, url] of [
      ['GET', '/users'],
      ['POST', '/users'],
      ['GET', `/users/${id}`],
      ['PATCH', `/users/${id}`],
      ['DELETE', `/users/${id}`],
      ['POST', `/users/${id}/unlock`],
      ['GET', `/users/${id}/sessions`],
      ['DELETE', `/users/${id}/sessions`],
      ['DELETE', `/users/${id}/factors`],
      ['HEAD', '/users'],
      ['OPTIONS', '/users'],
      ['PUT', '/users'],
      ['GET', '/nowhere'],
      ['POST', '/login'],
      ['GET', '/me'],
      ['GET', '/openapi.yaml']
    ] as const) {
      const response = await adminApp.inject({ method, url })
      t.equal(response.statusCode, 401, `${method} ${url}`)
      if (method !== 'HEAD') t.equal(slugOf(response), 'invalid-token')
    }
  })

  t.test('neither the database nor the body is read', async t => {
    const database = await createTestDatabase(t)
    const { adminApp, admin } = await startAdmin(t, { database })
    // Any query for users now fails.
    await database.prisma.$executeRawUnsafe('ALTER TABLE users RENAME TO moved')
    const send = (authorization: string) =>
      adminApp.inject({
        method: 'POST',
        url: '/users',
        headers: { authorization, 'content-type': 'application/json' },
        payload: '{"username":'
      })
    t.equal(slugOf(await send('Bearer wrong')), 'invalid-token')
    const flood = Array.from({ length: 300 }, () =>
      adminApp.inject({ url: '/users', headers: { authorization: 'Bearer wrong' } })
    )
    for (const response of await Promise.all(flood)) t.equal(slugOf(response), 'invalid-token')
    t.equal((await admin('GET', '/users')).statusCode, 500, 'a valid key reaches the database')
  })
})

t.test('audit', async t => {
  t.test(
    'every request with a valid key is logged with the key id and without the data',
    async t => {
      const { admin, apiKey, idOf, eventsNamed, logged } = await startAdmin(t)
      const id = await idOf('ada')
      await admin('GET', '/users?username=ada&phone=%2B12025550143')
      await admin('GET', `/users/${id.toUpperCase()}`)
      await admin('PATCH', `/users/${id}`, { username: 'grace' })
      await admin('GET', '/users/grace@example.com')
      await admin('PUT', '/users')
      await admin('GET', '/users/grace@example.com/nowhere')
      const actor = `key:${sha256(apiKey).slice(0, 8)}`
      t.match(
        eventsNamed('admin.requested').map(({ method, route, userId, status }) => [
          method,
          route,
          userId,
          status
        ]),
        [
          ['GET', '/users', null, 200],
          ['GET', '/users/:id', id, 200],
          ['PATCH', '/users/:id', id, 200],
          ['GET', '/users/:id', null, 404],
          ['PUT', 'none', null, 405],
          ['GET', 'none', null, 404]
        ]
      )
      for (const event of eventsNamed('admin.requested'))
        t.match(event, { actor, reqId: /^[\w-]{36}$/, ip: '127.0.0.1' })
      t.match(eventsNamed('user.updated'), [{ userId: id, actor, changed: ['username'] }])
      for (const secret of [apiKey, sha256(apiKey), 'grace', '12025550143'])
        t.notOk(
          logged.some(line => line.includes(secret)),
          secret
        )
    }
  )
})

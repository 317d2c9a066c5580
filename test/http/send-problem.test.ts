import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import type { problemKinds } from '../../src/http/problems/problem-kinds.ts'
import { ada, differentCode, slugOf, startApp } from '../support/start-app.ts'

const json = { 'content-type': 'application/json' }
const valid = JSON.stringify({ username: ada.username, password: ada.password })
const toLogin = (
  payload: string | Buffer,
  headers: Record<string, string> = json
): InjectOptions => ({ method: 'POST', url: '/login', payload, headers })

/** Asserts that a response is this problem and reveals nothing internal. */
function assertProblem(
  t: Test,
  response: Pick<LightMyRequestResponse, 'statusCode' | 'headers' | 'body'>,
  status: number,
  slug: keyof typeof problemKinds
) {
  t.match(response.headers['content-type'], /^application\/problem\+json/)
  t.equal(response.headers['cache-control'], 'no-store')
  const { errors, attemptsRemaining, retryAfter, ...problem } = JSON.parse(response.body)
  t.match(problem.type, new RegExp(`/problems/${slug}$`))
  t.equal(problem.status, status)
  t.equal(response.statusCode, status)
  t.match(response.headers, {
    'www-authenticate': status === 401 ? /^Bearer realm="sms-login"/ : undefined
  })
  t.strictSame(Object.keys(problem).sort(), ['detail', 'instance', 'status', 'title', 'type'])
  for (const part of ['title', 'detail', 'instance'])
    t.ok(typeof problem[part] === 'string' && problem[part] !== '', part)
  t.notMatch(
    response.body,
    /FST_|ERR_|node_modules|\.ts\b|prisma|fastify|zod|stack|Unexpected|hunter2/i,
    'the response reveals nothing internal'
  )
}

const failures: [
  name: string,
  request: InjectOptions,
  status: number,
  slug: keyof typeof problemKinds
][] = [
  ['an unknown path', { url: '/nowhere/hunter2?password=hunter2' }, 404, 'not-found'],
  ['the wrong method for /login', { url: '/login' }, 405, 'method-not-allowed'],
  [
    'PUT',
    { method: 'PUT', url: '/login', payload: valid, headers: json },
    405,
    'method-not-allowed'
  ],
  ['DELETE', { method: 'DELETE', url: '/livez' }, 405, 'method-not-allowed'],
  [
    'PATCH',
    { method: 'PATCH', url: '/verify', payload: valid, headers: json },
    405,
    'method-not-allowed'
  ],
  ['OPTIONS', { method: 'OPTIONS', url: '/login' }, 405, 'method-not-allowed'],
  [
    'TRACE',
    { method: 'TRACE' as 'GET', url: '/login', headers: { authorization: 'hunter2' } },
    405,
    'method-not-allowed'
  ],
  ['a malformed URL', { url: '/%' }, 404, 'not-found'],
  ['a URL with half a character', { url: '/%c3' }, 404, 'not-found'],
  [
    'a body of 17 KiB',
    toLogin(JSON.stringify({ ...ada, password: 'x'.repeat(17 * 1024) })),
    413,
    'payload-too-large'
  ],
  [
    'a body of 1 MiB',
    toLogin(JSON.stringify({ ...ada, password: 'x'.repeat(1024 * 1024) })),
    413,
    'payload-too-large'
  ],
  ['plain text', toLogin(valid, { 'content-type': 'text/plain' }), 415, 'unsupported-media-type'],
  [
    'a form',
    toLogin('username=ada&password=hunter2', {
      'content-type': 'application/x-www-form-urlencoded'
    }),
    415,
    'unsupported-media-type'
  ],
  [
    'a file upload',
    toLogin(valid, { 'content-type': 'multipart/form-data; boundary=x' }),
    415,
    'unsupported-media-type'
  ],
  ['a body without a type', toLogin(Buffer.from(valid), {}), 415, 'unsupported-media-type'],
  [
    'a body with an empty type',
    toLogin(valid, { 'content-type': '' }),
    415,
    'unsupported-media-type'
  ],
  [
    'JSON and garbage as the type',
    toLogin(valid, { 'content-type': 'application/json garbage' }),
    415,
    'unsupported-media-type'
  ],
  [
    'JSON, a tab and garbage as the type',
    toLogin(valid, { 'content-type': 'application/json\ta' }),
    415,
    'unsupported-media-type'
  ],
  [
    'a type that only starts like JSON',
    toLogin(valid, { 'content-type': 'application/jsonp' }),
    415,
    'unsupported-media-type'
  ],
  [
    'a type that ends like JSON',
    toLogin(valid, { 'content-type': 'application/problem+json' }),
    415,
    'unsupported-media-type'
  ],
  ['broken JSON', toLogin('{"username":"ada","password":"hunter2"'), 400, 'invalid-request'],
  ['no JSON at all', toLogin('hunter2'), 400, 'invalid-request'],
  ['two JSON objects', toLogin(`${valid}${valid}`), 400, 'invalid-request'],
  ['an empty body', toLogin(''), 400, 'invalid-request'],
  ['null', toLogin('null'), 400, 'invalid-request'],
  ['an array', toLogin(`[${valid}]`), 400, 'invalid-request'],
  ['a string', toLogin('"hunter2"'), 400, 'invalid-request'],
  ['a number', toLogin('1'), 400, 'invalid-request'],
  ['deep nesting', toLogin('['.repeat(8000)), 400, 'invalid-request'],
  ['an empty object', toLogin('{}'), 400, 'invalid-request'],
  [
    'a __proto__ key',
    toLogin(`{"__proto__":{"disabled":false},${valid.slice(1)}`),
    400,
    'invalid-request'
  ],
  [
    'an escaped __proto__ key',
    toLogin(`{"\\u005f_proto__":{},${valid.slice(1)}`),
    400,
    'invalid-request'
  ],
  [
    'a constructor key',
    toLogin(`{"constructor":{"prototype":{"x":1}},${valid.slice(1)}`),
    400,
    'invalid-request'
  ],
  [
    'a plain constructor key',
    toLogin(`{"constructor":1,${valid.slice(1)}`),
    400,
    'invalid-request'
  ],
  [
    'an unknown key',
    toLogin(JSON.stringify({ ...ada, passwort: 'hunter2' })),
    400,
    'invalid-request'
  ],
  ['an empty username', toLogin(JSON.stringify({ ...ada, username: '' })), 400, 'invalid-request'],
  [
    'a NUL in the username, which PostgreSQL cannot store',
    toLogin('{"username":"ada\\u0000","password":"hunter2"}'),
    400,
    'invalid-request'
  ],
  [
    'a password that is not a string',
    toLogin('{"username":"ada","password":{"hunter2":1}}'),
    400,
    'invalid-request'
  ],
  [
    'a lone surrogate',
    toLogin('{"username":"ada","password":"\\ud800hunter2"}'),
    400,
    'invalid-request'
  ],
  [
    'a password of 257 characters',
    toLogin(JSON.stringify({ username: 'ada', password: 'é'.repeat(257) })),
    400,
    'invalid-request'
  ],
  [
    'a wrong password',
    toLogin('{"username":"ada","password":"hunter2"}'),
    401,
    'invalid-credentials'
  ],
  [
    'an invalid access token',
    { url: '/me', headers: { authorization: 'Bearer hunter2' } },
    401,
    'invalid-token'
  ],
  [
    'an invalid challenge token',
    {
      method: 'POST',
      url: '/verify',
      payload: '{"challengeToken":"hunter2","code":"123456"}',
      headers: json
    },
    401,
    'challenge-ended'
  ]
]

t.test('problem details', async t => {
  t.test('every failure is a problem that reveals nothing internal', async t => {
    const { app } = await startApp(t)
    for (const [name, request, status, slug] of failures) {
      await t.test(name, async t => assertProblem(t, await app.inject(request), status, slug))
    }
  })

  t.test('every 401 names the scheme, and only an invalid token gets an error code', async t => {
    const { app, loginAndReadCode, login, me, post, verify, wait } = await startApp(t)
    const { challengeToken, code } = await loginAndReadCode()
    const responses = [
      await me(),
      await login({ ...ada, password: 'not the password' }),
      await verify('nonsense', code),
      await verify(challengeToken, differentCode(code)),
      await app.inject({ url: '/me', headers: { authorization: 'Basic YWRhOng=' } }),
      await post('/resend', { challengeToken: 'nonsense' })
    ]
    wait(60)
    responses.push(await verify(challengeToken, code))
    t.same(responses.map(slugOf), [
      'invalid-token',
      'invalid-credentials',
      'challenge-ended',
      'wrong-code',
      'invalid-token',
      'challenge-ended',
      'code-expired'
    ])
    for (const { headers } of responses)
      t.equal(headers['www-authenticate'], 'Bearer realm="sms-login"')
    t.equal(
      (await me('nonsense')).headers['www-authenticate'],
      'Bearer realm="sms-login", error="invalid_token"'
    )
  })

  t.test('an unknown key is named without its value', async t => {
    const { post } = await startApp(t)
    const response = await post('/login', { username: 'ada', passwort: 'hunter2', 'a/b~c': 1 })
    t.strictSame(
      response
        .json()
        .errors.map(({ pointer }: { pointer: string }) => pointer)
        .sort(),
      ['#/a~1b~0c', '#/password', '#/passwort']
    )
    t.notMatch(response.body, 'hunter2')
  })

  t.test('the instance of a problem is the request id in the log', async t => {
    const { app, logged } = await startApp(t)
    const response = await app.inject({ url: '/nowhere', headers: { 'request-id': 'mine' } })
    const { instance } = response.json()
    t.match(instance, /^[0-9a-f-]{36}$/)
    t.ok(logged.some(line => line.includes(instance)))
  })

  t.test('an unreachable database gives 503 without details or secrets in the log', async t => {
    // Nothing listens on port 1.
    const nowhere = await openDatabase('postgresql://postgres:hunter2@127.0.0.1:1/none')
    t.teardown(nowhere.close)
    const { app, loginAndReadCode } = await startApp(t)
    const { challengeToken } = await loginAndReadCode()
    const secrets = [Buffer.alloc(32, 7)] as const
    const broken = await startApp(t, {
      database: { ...nowhere, url: undefined },
      withoutUsers: true,
      secrets
    })
    t.ok(app)
    const response = await broken.login({ username: 'ada', password: 'correct hunter2 battery' })
    assertProblem(t, response, 503, 'database-unavailable')
    t.equal(
      slugOf(await broken.verify(challengeToken, '123456')),
      'challenge-ended',
      'a forged token is refused without the database'
    )
    const errors = broken.logged.filter(line => JSON.parse(line).level >= 50)
    t.equal(errors.length, 1)
    t.ok(errors[0]?.includes(response.json().instance))
    t.notMatch(broken.logged.join(''), /hunter2/)
  })
})

t.test('bodies', async t => {
  t.test('a body of the maximum size is accepted and a larger body is refused', async t => {
    const { app } = await startApp(t)
    const padded = `{${' '.repeat(16 * 1024 - valid.length)}${valid.slice(1)}`
    t.equal((await app.inject(toLogin(padded))).statusCode, 200)
    t.equal(slugOf(await app.inject(toLogin(`${padded} `))), 'payload-too-large')
  })

  t.test('JSON with a charset is accepted', async t => {
    const { app } = await startApp(t)
    t.equal(
      (await app.inject(toLogin(valid, { 'content-type': 'Application/JSON; charset=utf-8' })))
        .statusCode,
      200
    )
  })

  t.test('a chunked body without bytes counts as no body for every Content-Type', async t => {
    const { app, accessToken } = await startApp(t)
    const exchange = await listen(t, app)
    const types = [
      '',
      'text/plain',
      'application/json',
      'application/x-www-form-urlencoded',
      'json'
    ]
    for (const type of types) {
      const authorization = `authorization: Bearer ${await accessToken()}`
      const send = (request: string, chunks: string) =>
        exchange(
          `${request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${authorization}\r\n` +
            (type && `content-type: ${type}\r\n`) +
            `transfer-encoding: chunked\r\n\r\n${chunks}`
        )
      const empty = '0\r\n\r\n'
      assertProblem(t, await send('DELETE /sessions/x', empty), 404, 'not-found')
      t.equal((await send('DELETE /sessions', empty)).statusCode, 204, type)
      for (const path of ['/me', '/sessions', '/livez'])
        t.equal((await send(`GET ${path}`, empty)).statusCode, 200, `${path} ${type}`)
      if (type !== 'application/json')
        assertProblem(
          t,
          await send('DELETE /sessions/x', `2\r\n{}\r\n${empty}`),
          415,
          'unsupported-media-type'
        )
    }
  })

  t.test('a client that disconnects during an empty body logs no error', async t => {
    const { app, accessToken, logged } = await startApp(t)
    await listen(t, app)
    const authorization = `authorization: Bearer ${await accessToken()}`
    const { port } = app.server.address() as AddressInfo
    const socket = connect(port, '127.0.0.1')
    const requested = once(app.server, 'request')
    socket.write(
      `DELETE /sessions/x HTTP/1.1\r\nhost: x\r\n${authorization}\r\n` +
        'transfer-encoding: chunked\r\n\r\n'
    )
    const [, response] = await requested
    const closed = once(response, 'close')
    socket.destroy()
    await closed
    t.equal((await app.inject('/livez')).statusCode, 200)
    t.same(
      logged.filter(line => JSON.parse(line).level >= 40),
      []
    )
  })
})

t.test('connections', async t => {
  t.test('failures below HTTP routing are problems as well', async t => {
    const { app } = await startApp(t)
    const exchange = await listen(t, app)
    await t.test('a malformed path', async t =>
      assertProblem(
        t,
        await exchange('GET /% HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'),
        404,
        'not-found'
      )
    )
    await t.test('invalid HTTP', async t =>
      assertProblem(t, await exchange('hunter2 hunter2\r\n\r\n'), 400, 'invalid-request')
    )
    await t.test('TLS sent to the plain HTTP port', async t =>
      assertProblem(
        t,
        await exchange(Buffer.from('160301020001000100', 'hex')),
        400,
        'invalid-request'
      )
    )
    await t.test('an unknown method', async t =>
      assertProblem(
        t,
        await exchange('HUNT /login HTTP/1.1\r\nhost: x\r\n\r\n'),
        400,
        'invalid-request'
      )
    )
    await t.test('headers of 20 KB', async t =>
      assertProblem(
        t,
        await exchange(`GET /me HTTP/1.1\r\nhost: x\r\nx-padding: ${'x'.repeat(20_000)}\r\n\r\n`),
        431,
        'headers-too-large'
      )
    )
    await t.test('two Content-Length headers', async t =>
      assertProblem(
        t,
        await exchange(
          'POST /login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n' +
            `content-length: 2\r\ncontent-length: ${valid.length}\r\n\r\n${valid}`
        ),
        400,
        'invalid-request'
      )
    )
    await t.test('Content-Length with chunks', async t =>
      assertProblem(
        t,
        await exchange(
          'POST /login HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n' +
            'transfer-encoding: chunked\r\n\r\n0\r\n\r\n'
        ),
        400,
        'invalid-request'
      )
    )
    await t.test('17 KiB in chunks', async t =>
      assertProblem(
        t,
        await exchange(
          'POST /login HTTP/1.1\r\nhost: x\r\nconnection: close\r\n' +
            'content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n' +
            `4400\r\n${'x'.repeat(0x4400)}\r\n0\r\n\r\n`
        ),
        413,
        'payload-too-large'
      )
    )
    await t.test('no Host header', async t =>
      assertProblem(
        t,
        await exchange('GET /me HTTP/1.1\r\nconnection: close\r\n\r\n'),
        400,
        'invalid-request'
      )
    )
    await t.test('an unsupported Expect header', async t => {
      const response = await exchange(
        'GET /me HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: hunter2\r\n\r\n'
      )
      t.match(response.headers['content-type'], /^application\/problem\+json/)
    })
  })

  t.test('a body that never ends times out', async t => {
    const { app } = await startApp(t)
    const exchange = await listen(t, app)
    t.equal(app.server.requestTimeout, 10_000)
    t.equal(app.server.headersTimeout, 10_000)
    app.server.headersTimeout = app.server.requestTimeout = 1
    assertProblem(
      t,
      await exchange(
        'POST /login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n' +
          'content-length: 100\r\n\r\n{'
      ),
      408,
      'request-timeout'
    )
    assertProblem(t, await exchange('POST /login HTTP/1.1\r\nhost: x\r\n'), 408, 'request-timeout')
  })
})

/**
 * Starts to listen. Returns a function that sends bytes over a new connection and resolves to the
 * response when the server has closed it.
 */
async function listen(t: Test, app: FastifyInstance) {
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return async (bytes: string | Buffer) => {
    const socket = connect(port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    let received = ''
    socket
      .setEncoding('utf8')
      .on('data', (chunk: string) => {
        received += chunk
      })
      .on('error', () => {})
      .write(bytes)
    await once(socket, 'close')
    const [head = '', body = ''] = received.split('\r\n\r\n')
    const [first = '', ...lines] = head.split('\r\n')
    const headers = Object.fromEntries(
      lines.map(line => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim()
      ])
    )
    return { statusCode: Number(first.split(' ')[1]), headers, body: body || '{}' }
  }
}

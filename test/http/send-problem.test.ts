import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import type { problemKinds } from '../../src/http/problems/problem-kinds.ts'
import { ada, differentCode, slugOf, startApp } from '../support/start-app.ts'

const json = { 'content-type': 'application/json' }
const good = JSON.stringify({ username: ada.username, password: ada.password })
const toLogin = (
  payload: string | Buffer,
  headers: Record<string, string> = json
): InjectOptions => ({ method: 'POST', url: '/login', payload, headers })

/** What every failure has in common, and what it must not tell. */
function isProblem(
  t: Test,
  answer: Pick<LightMyRequestResponse, 'statusCode' | 'headers' | 'body'>,
  status: number,
  slug: keyof typeof problemKinds
) {
  t.match(answer.headers['content-type'], /^application\/problem\+json/)
  t.equal(answer.headers['cache-control'], 'no-store')
  const { errors, attemptsRemaining, retryAfter, ...told } = JSON.parse(answer.body)
  t.match(told.type, new RegExp(`/problems/${slug}$`))
  t.equal(told.status, status)
  t.equal(answer.statusCode, status)
  t.match(answer.headers, {
    'www-authenticate': status === 401 ? /^Bearer realm="sms-login"/ : undefined
  })
  t.strictSame(Object.keys(told).sort(), ['detail', 'instance', 'status', 'title', 'type'])
  for (const part of ['title', 'detail', 'instance'])
    t.ok(typeof told[part] === 'string' && told[part] !== '', part)
  t.notMatch(
    answer.body,
    /FST_|ERR_|node_modules|\.ts\b|prisma|fastify|zod|stack|Unexpected|hunter2/i,
    'nothing of the inside is told'
  )
}

const failures: [
  what: string,
  request: InjectOptions,
  status: number,
  slug: keyof typeof problemKinds
][] = [
  ['an unknown path', { url: '/nowhere/hunter2?password=hunter2' }, 404, 'not-found'],
  ['the wrong method for /login', { url: '/login' }, 405, 'method-not-allowed'],
  [
    'PUT',
    { method: 'PUT', url: '/login', payload: good, headers: json },
    405,
    'method-not-allowed'
  ],
  ['DELETE', { method: 'DELETE', url: '/livez' }, 405, 'method-not-allowed'],
  [
    'PATCH',
    { method: 'PATCH', url: '/verify', payload: good, headers: json },
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
  ['a URL that is none', { url: '/%' }, 404, 'not-found'],
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
  ['plain text', toLogin(good, { 'content-type': 'text/plain' }), 415, 'unsupported-media-type'],
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
    toLogin(good, { 'content-type': 'multipart/form-data; boundary=x' }),
    415,
    'unsupported-media-type'
  ],
  ['a body without a type', toLogin(Buffer.from(good), {}), 415, 'unsupported-media-type'],
  [
    'a body with an empty type',
    toLogin(good, { 'content-type': '' }),
    415,
    'unsupported-media-type'
  ],
  [
    'JSON and garbage as the type',
    toLogin(good, { 'content-type': 'application/json garbage' }),
    415,
    'unsupported-media-type'
  ],
  [
    'JSON, a tab and garbage as the type',
    toLogin(good, { 'content-type': 'application/json\ta' }),
    415,
    'unsupported-media-type'
  ],
  [
    'a type that only begins like JSON',
    toLogin(good, { 'content-type': 'application/jsonp' }),
    415,
    'unsupported-media-type'
  ],
  [
    'a type that ends like JSON',
    toLogin(good, { 'content-type': 'application/problem+json' }),
    415,
    'unsupported-media-type'
  ],
  ['broken JSON', toLogin('{"username":"ada","password":"hunter2"'), 400, 'invalid-request'],
  ['no JSON at all', toLogin('hunter2'), 400, 'invalid-request'],
  ['two JSON objects', toLogin(`${good}${good}`), 400, 'invalid-request'],
  ['an empty body', toLogin(''), 400, 'invalid-request'],
  ['null', toLogin('null'), 400, 'invalid-request'],
  ['an array', toLogin(`[${good}]`), 400, 'invalid-request'],
  ['a string', toLogin('"hunter2"'), 400, 'invalid-request'],
  ['a number', toLogin('1'), 400, 'invalid-request'],
  ['deep nesting', toLogin('['.repeat(8000)), 400, 'invalid-request'],
  ['an empty object', toLogin('{}'), 400, 'invalid-request'],
  [
    'a __proto__ key',
    toLogin(`{"__proto__":{"disabled":false},${good.slice(1)}`),
    400,
    'invalid-request'
  ],
  [
    'an escaped __proto__ key',
    toLogin(`{"\\u005f_proto__":{},${good.slice(1)}`),
    400,
    'invalid-request'
  ],
  [
    'a constructor key',
    toLogin(`{"constructor":{"prototype":{"x":1}},${good.slice(1)}`),
    400,
    'invalid-request'
  ],
  ['a plain constructor key', toLogin(`{"constructor":1,${good.slice(1)}`), 400, 'invalid-request'],
  [
    'an unknown key',
    toLogin(JSON.stringify({ ...ada, passwort: 'hunter2' })),
    400,
    'invalid-request'
  ],
  ['an empty username', toLogin(JSON.stringify({ ...ada, username: '' })), 400, 'invalid-request'],
  [
    'a NUL in the username, which PostgreSQL has no place for',
    toLogin('{"username":"ada\\u0000","password":"hunter2"}'),
    400,
    'invalid-request'
  ],
  [
    'a password that is no string',
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
    'a bad access token',
    { url: '/me', headers: { authorization: 'Bearer hunter2' } },
    401,
    'invalid-token'
  ],
  [
    'a bad challenge token',
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
    for (const [what, request, status, slug] of failures) {
      await t.test(what, async t => isProblem(t, await app.inject(request), status, slug))
    }
  })

  t.test('every 401 names the scheme, and only a bad token gets an error code', async t => {
    const { app, loginAndReadCode, login, me, post, verify, wait } = await startApp(t)
    const { challengeToken, code } = await loginAndReadCode()
    const answers = [
      await me(),
      await login({ ...ada, password: 'not the password' }),
      await verify('nonsense', code),
      await verify(challengeToken, differentCode(code)),
      await app.inject({ url: '/me', headers: { authorization: 'Basic YWRhOng=' } }),
      await post('/resend', { challengeToken: 'nonsense' })
    ]
    wait(60)
    answers.push(await verify(challengeToken, code))
    t.same(answers.map(slugOf), [
      'invalid-token',
      'invalid-credentials',
      'challenge-ended',
      'wrong-code',
      'invalid-token',
      'challenge-ended',
      'code-expired'
    ])
    for (const { headers } of answers)
      t.equal(headers['www-authenticate'], 'Bearer realm="sms-login"')
    t.equal(
      (await me('nonsense')).headers['www-authenticate'],
      'Bearer realm="sms-login", error="invalid_token"'
    )
  })

  t.test('an unknown key is named without its value', async t => {
    const { post } = await startApp(t)
    const answer = await post('/login', { username: 'ada', passwort: 'hunter2', 'a/b~c': 1 })
    t.strictSame(
      answer
        .json()
        .errors.map(({ pointer }: { pointer: string }) => pointer)
        .sort(),
      ['#/a~1b~0c', '#/password', '#/passwort']
    )
    t.notMatch(answer.body, 'hunter2')
  })

  t.test('the instance of a problem is the request id in the log', async t => {
    const { app, logged } = await startApp(t)
    const answer = await app.inject({
      url: '/nowhere',
      headers: { 'request-id': 'mine', 'x-request-id': 'mine' }
    })
    const { instance } = answer.json()
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
    const answer = await broken.login({ username: 'ada', password: 'correct hunter2 battery' })
    isProblem(t, answer, 503, 'database-unavailable')
    t.equal(
      slugOf(await broken.verify(challengeToken, '123456')),
      'challenge-ended',
      'a forged token needs no database'
    )
    const errors = broken.logged.filter(line => JSON.parse(line).level >= 50)
    t.equal(errors.length, 1)
    t.ok(errors[0]?.includes(answer.json().instance))
    t.notMatch(broken.logged.join(''), /hunter2/)
  })
})

t.test('bodies', async t => {
  t.test('a body of the maximum size is read and a larger one refused', async t => {
    const { app } = await startApp(t)
    const padded = `{${' '.repeat(16 * 1024 - good.length)}${good.slice(1)}`
    t.equal((await app.inject(toLogin(padded))).statusCode, 200)
    t.equal(slugOf(await app.inject(toLogin(`${padded} `))), 'payload-too-large')
  })

  t.test('JSON with a charset is accepted', async t => {
    const { app } = await startApp(t)
    t.equal(
      (await app.inject(toLogin(good, { 'content-type': 'Application/JSON; charset=utf-8' })))
        .statusCode,
      200
    )
  })

  t.test('a chunked body without bytes counts as no body for every Content-Type', async t => {
    const { app, accessToken } = await startApp(t)
    const ask = await listening(t, app)
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
        ask(
          `${request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${authorization}\r\n${type && `content-type: ${type}\r\n`}transfer-encoding: chunked\r\n\r\n${chunks}`
        )
      const empty = '0\r\n\r\n'
      isProblem(t, await send('DELETE /sessions/x', empty), 404, 'not-found')
      t.equal((await send('DELETE /sessions', empty)).statusCode, 204, type)
      for (const path of ['/me', '/sessions', '/livez'])
        t.equal((await send(`GET ${path}`, empty)).statusCode, 200, `${path} ${type}`)
      if (type !== 'application/json')
        isProblem(
          t,
          await send('DELETE /sessions/x', `2\r\n{}\r\n${empty}`),
          415,
          'unsupported-media-type'
        )
    }
  })

  t.test('a client that disconnects during an empty body leaves no error in the log', async t => {
    const { app, accessToken, logged } = await startApp(t)
    await listening(t, app)
    const authorization = `authorization: Bearer ${await accessToken()}`
    const { port } = app.server.address() as AddressInfo
    const socket = connect(port, '127.0.0.1')
    const requested = once(app.server, 'request')
    socket.write(
      `DELETE /sessions/x HTTP/1.1\r\nhost: x\r\n${authorization}\r\ntransfer-encoding: chunked\r\n\r\n`
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
  t.test('problems on a real connection are the same', async t => {
    const { app } = await startApp(t)
    const ask = await listening(t, app)
    await t.test('a malformed path', async t =>
      isProblem(
        t,
        await ask('GET /% HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'),
        404,
        'not-found'
      )
    )
    await t.test('invalid HTTP', async t =>
      isProblem(t, await ask('hunter2 hunter2\r\n\r\n'), 400, 'invalid-request')
    )
    await t.test('TLS sent to the plain HTTP port', async t =>
      isProblem(t, await ask(Buffer.from('160301020001000100', 'hex')), 400, 'invalid-request')
    )
    await t.test('an unknown method', async t =>
      isProblem(t, await ask('HUNT /login HTTP/1.1\r\nhost: x\r\n\r\n'), 400, 'invalid-request')
    )
    await t.test('headers of 20 KB', async t =>
      isProblem(
        t,
        await ask(`GET /me HTTP/1.1\r\nhost: x\r\nx-padding: ${'x'.repeat(20_000)}\r\n\r\n`),
        431,
        'headers-too-large'
      )
    )
    await t.test('two Content-Length headers', async t =>
      isProblem(
        t,
        await ask(
          `POST /login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\ncontent-length: ${good.length}\r\n\r\n${good}`
        ),
        400,
        'invalid-request'
      )
    )
    await t.test('Content-Length with chunks', async t =>
      isProblem(
        t,
        await ask(
          'POST /login HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'
        ),
        400,
        'invalid-request'
      )
    )
    await t.test('17 KiB in chunks', async t =>
      isProblem(
        t,
        await ask(
          `POST /login HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n4400\r\n${'x'.repeat(0x4400)}\r\n0\r\n\r\n`
        ),
        413,
        'payload-too-large'
      )
    )
    await t.test('no Host header', async t =>
      isProblem(
        t,
        await ask('GET /me HTTP/1.1\r\nconnection: close\r\n\r\n'),
        400,
        'invalid-request'
      )
    )
    await t.test('an unsupported Expect header', async t => {
      const answer = await ask(
        'GET /me HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: hunter2\r\n\r\n'
      )
      t.match(answer.headers['content-type'], /^application\/problem\+json/)
    })
  })

  t.test('a body that never ends times out', async t => {
    const { app } = await startApp(t)
    const ask = await listening(t, app)
    t.equal(app.server.requestTimeout, 10_000)
    t.equal(app.server.headersTimeout, 10_000)
    app.server.headersTimeout = app.server.requestTimeout = 1
    isProblem(
      t,
      await ask(
        'POST /login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{'
      ),
      408,
      'request-timeout'
    )
    isProblem(t, await ask('POST /login HTTP/1.1\r\nhost: x\r\n'), 408, 'request-timeout')
  })
})

/**
 * Listens. Returns a function that sends bytes over a new connection and resolves to the response
 * when the server has closed it.
 */
async function listening(t: Test, app: FastifyInstance) {
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

import assert from 'node:assert/strict'
import { connect, type AddressInfo } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import fc from 'fast-check'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { problemKinds } from '../../src/http/problems/problem-kinds.ts'
import { ada, differentCode, startApp } from '../support/start-app.ts'

/** Stands for a password that a user typed into the wrong field. */
const canary = 'canary-hunter2-canary'

type Method = NonNullable<InjectOptions['method']>
type Received = { status: number; type: string; body: string; headers: string }

/** Asserts that a response is a success or a documented problem below 500, without the canary. */
function assertExpected({ status, type, body, headers }: Received) {
  assert.ok(status < 500, `${status} ${body}`)
  if (status >= 300) {
    assert.equal(type, 'application/problem+json')
    const problem = JSON.parse(body)
    assert.equal(problem.status, status)
    const slug = problem.type.replace('/problems/', '')
    assert.ok(Object.hasOwn(problemKinds, slug), problem.type)
    assert.ok(
      ['title', 'detail', 'instance'].every(
        name => typeof problem[name] === 'string' && problem[name] !== ''
      )
    )
  }
  assert.ok(!`${body}${headers}`.includes(canary), 'the response contains the canary')
}

const received = ({ statusCode, headers, payload }: LightMyRequestResponse): Received => ({
  status: statusCode,
  type: String(headers['content-type']),
  body: payload,
  headers: JSON.stringify(headers)
})

/**
 * Starts the service with a pending login. `assertUntouched` asserts that no request has sent a
 * message, used an attempt or logged the canary.
 */
async function startTarget(t: Test) {
  // High limits, so that hostile usernames are counted but no request is refused.
  const service = await startApp(t, {
    limits: { requests: 1e6, passwordFailures: 1e6, codeFailures: 5, messagesPerPhoneHour: 6 }
  })
  const { app, loginAndReadCode, logged, me, prisma, refresh, twilio, verify } = service
  const { accessToken, refreshToken } = await service.logIn()
  service.wait(31)
  twilio.requests.length = 0
  const { challengeToken, code } = await loginAndReadCode()
  return {
    ...service,
    challengeToken,
    code,
    accessToken,
    refreshToken,
    async inject(request: InjectOptions) {
      assertExpected(received(await app.inject(request)))
    },
    async assertUntouched() {
      t.equal(twilio.requests.length, 1, 'no message was sent')
      t.match(
        await prisma.challenge.findMany(),
        [{ attemptsLeft: 5, consumedAt: null }],
        'no attempt was used'
      )
      t.match(await prisma.user.findMany(), [{ codeFailures: 0 }], 'no failure was counted')
      const response = await verify(challengeToken, code)
      t.equal(response.statusCode, 200, 'the correct code is still valid')
      t.equal((await me(response.json().accessToken)).statusCode, 200, 'its session works')
      t.equal((await refresh(refreshToken)).statusCode, 200, 'the other session works')
      t.notOk(
        logged.some(line => line.includes(canary)),
        'the log does not contain the canary'
      )
      t.notOk(
        logged.some(line => JSON.parse(line).level >= 50),
        'no error is logged'
      )
    }
  }
}

const paths = [
  '/login',
  '/resend',
  '/verify',
  '/refresh',
  '/logout',
  '/confirmations',
  '/confirmations/verify',
  '/confirmations/resend',
  '/me/password'
] as const
const names = [
  'username',
  'password',
  'challengeToken',
  'code',
  'refreshToken',
  'confirmationToken',
  'action',
  'data',
  'reference',
  'currentPassword',
  'newPassword',
  'locale',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'then',
  'toJSON',
  '',
  'USERNAME',
  '\0',
  '\ud800'
]

/** Values known to break parsers, comparisons, hashes or databases. */
const hostile = fc.constantFrom<unknown>(
  canary,
  '',
  ' ',
  '\0',
  `ada\0${canary}`,
  '\ud800',
  'ada\udc00',
  '\ufeff',
  '\u202e',
  'e\u0301'.repeat(100),
  '\ufdfa'.repeat(256),
  '💩'.repeat(128),
  'x'.repeat(257),
  'x'.repeat(2049),
  'x'.repeat(16_000),
  "' OR 1=1 --",
  '../../etc/passwd',
  '<script>',
  '%00',
  '000000',
  '00000a',
  '١٢٣٤٥٦',
  '１２３４５６',
  '123456\n',
  ' 123456',
  '1234567',
  '12345',
  '-12345',
  '1e5000',
  0,
  -0,
  1e308,
  -1,
  123456,
  2 ** 53,
  null,
  true,
  false,
  [],
  [[]],
  {},
  { toString: canary },
  { __proto__: null },
  ['ada'],
  { $ne: null },
  { length: 6 }
)
const values = fc.oneof(
  hostile,
  fc.anything({ maxDepth: 2, withNullPrototype: true, withSparseArray: true }),
  fc.string({ unit: 'binary' }),
  fc.json().map(text => JSON.parse(text) as unknown)
)

/** Three base64url parts with dots between them, like a JWT. */
const forgedTokens = fc
  .tuple(fc.json(), fc.json(), fc.string())
  .map(parts => parts.map(part => Buffer.from(part).toString('base64url')).join('.'))

/** Raw JSON text at the limits of the grammar, which `JSON.stringify` cannot produce. */
const rawValue = fc.oneof(
  fc.constantFrom(
    '1e999',
    '-1e-999',
    '9'.repeat(400),
    '01',
    '+1',
    'NaN',
    'undefined',
    '"\\ud800"',
    '"\\u0000"',
    '"\u0000"',
    '"\\x41"',
    "'ada'",
    '"',
    '{',
    '[',
    ']',
    ',',
    ':',
    '//',
    '/**/ 1',
    '\ufeff1',
    `"${canary}`,
    `"${canary}" x`
  ),
  fc.json()
)
const deep = fc
  .record({
    open: fc.constantFrom('[', '{"a":', '{"__proto__":', '{"username":', '[{"constructor":'),
    times: fc.integer({ min: 1, max: 9000 })
  })
  .map(({ open, times }) => open.repeat(times) + (open.startsWith('[') ? `"${canary}"` : 'null'))

/** A valid text with a character removed, added or replaced. */
const altered = (valid: string) =>
  fc
    .record({
      at: fc.nat(valid.length),
      remove: fc.nat(2),
      insert: fc.constantFrom(
        '',
        '\0',
        '\ud800',
        '\udc00',
        '\ufeff',
        '\u0301',
        '\u200d',
        ' ',
        '\n',
        '0',
        '٣',
        '３',
        '-',
        '.',
        '=',
        '"',
        '\\',
        '💩',
        canary
      )
    })
    .map(({ at, remove, insert }) => valid.slice(0, at) + insert + valid.slice(at + remove))

/** A valid body, changed in one or two places. */
function nearlyValid(valid: Record<string, string>) {
  const key = fc.oneof(
    fc.constantFrom(...Object.keys(valid)),
    fc.constantFrom(...names),
    fc.string({ unit: 'binary', maxLength: 80 })
  )
  const member = fc.tuple(
    key,
    fc.oneof(
      values.map(stringify),
      rawValue,
      fc.constantFrom(...Object.values(valid)).map(value => JSON.stringify(value))
    )
  )
  const members = Object.entries(valid).map(([key, value]): [string, string] => [
    key,
    JSON.stringify(value)
  ])
  const serialize = (members: [string, string][]) =>
    `{${members.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`

  const replaced = (key: string, value: string) =>
    serialize(members.map(member => (member[0] === key ? [key, value] : member)))
  const overwritten = fc
    .tuple(fc.constantFrom(...Object.keys(valid)), fc.oneof(values.map(stringify), rawValue))
    .map(([key, value]) => replaced(key, value))
  const slightlyAltered = fc.oneof(
    ...Object.entries(valid).map(([key, value]) =>
      altered(value).map(text => replaced(key, JSON.stringify(text)))
    )
  )
  const added = fc
    .tuple(fc.array(member, { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([more, first]) => serialize(first ? [...more, ...members] : [...members, ...more]))
  const dropped = fc.subarray(members).map(serialize)
  const wrapped = fc
    .constantFrom(
      (text: string) => `[${text}]`,
      (text: string) => JSON.stringify(text),
      (text: string) => `{"body":${text}}`,
      (text: string) => `${text}${text}`,
      (text: string) => `\ufeff${text}`,
      (text: string) => ` \r\n\t${text}\0`
    )
    .map(wrap => wrap(serialize(members)))
  const splice = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    remove: fc.nat(12),
    insert: fc.oneof(fc.constant(''), fc.string({ unit: 'binary', maxLength: 4 }), rawValue)
  })
  const spliced = fc.array(splice, { minLength: 1, maxLength: 2 }).map(splices =>
    splices.reduce((text, { at, remove, insert }) => {
      const start = Math.floor(at * text.length)
      return text.slice(0, start) + insert + text.slice(start + remove)
    }, serialize(members))
  )
  return fc.oneof(
    { weight: 3, arbitrary: slightlyAltered },
    { weight: 2, arbitrary: overwritten },
    added,
    dropped,
    wrapped,
    spliced
  )
}

/** Returns a value as JSON. A value without a JSON form becomes a string. */
function stringify(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '"undefined"'
  } catch {
    return '"no JSON"'
  }
}

/** Parses a body as the service does. Returns undefined if it isn't JSON. */
function parse(body: string): unknown {
  try {
    return JSON.parse(body.replace(/^\ufeff/, ''))
  } catch {
    return undefined
  }
}

/** Whether a key contains the canary. A response may name an unknown key, which is not a secret. */
const namesCanary = (body: unknown) =>
  typeof body === 'object' && body !== null && Object.keys(body).some(key => key.includes('canary'))

const post = (
  url: string,
  payload: string | Buffer,
  headers: Record<string, string> = {}
): InjectOptions => ({
  method: 'POST',
  url,
  payload,
  headers: { 'content-type': 'application/json', ...headers }
})

t.test(
  'no body causes an internal error, leaks a secret, sends a message or uses an attempt',
  async t => {
    const { inject, assertUntouched } = await startTarget(t)
    const objects = fc.dictionary(
      fc.oneof(fc.constantFrom(...names), fc.string({ unit: 'binary' })),
      values,
      { maxKeys: 5 }
    )
    const words = fc.string({ unit: 'binary', minLength: 1, maxLength: 256 })
    const wellShaped = fc.oneof(
      fc.record({
        username: fc.oneof(words, fc.constant(ada.username)),
        password: fc.oneof(words, fc.constant(canary))
      }),
      fc.record({ challengeToken: fc.oneof(words, forgedTokens) }),
      fc.record({
        refreshToken: fc.oneof(words, forgedTokens, fc.stringMatching(/^[A-Za-z0-9_-]{64}$/))
      }),
      fc.record({
        challengeToken: fc.oneof(words, forgedTokens),
        code: fc.stringMatching(/^[0-9]{6}$/)
      })
    )
    const bodies = fc.oneof(
      wellShaped.map(stringify),
      fc.json(),
      values.map(stringify),
      objects.map(stringify),
      rawValue,
      deep,
      fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes))
    )
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), bodies, (path, body) => inject(post(path, body))),
      { numRuns: 100 }
    )
    await assertUntouched()
  }
)

t.test(
  'no nearly valid body causes an internal error, leaks a secret or sends a message',
  async t => {
    const { inject, assertUntouched, challengeToken, code, refreshToken } = await startTarget(t)
    const isGuess = (body: unknown) =>
      typeof body === 'object' &&
      body !== null &&
      'challengeToken' in body &&
      body.challengeToken === challengeToken &&
      'code' in body &&
      typeof body.code === 'string' &&
      /^[0-9]{6}$/.test(body.code) &&
      Object.keys(body).length === 2
    // A token of this session that is not current counts as reused and ends the session.
    const isOfSession = (body: unknown) =>
      typeof body === 'object' &&
      body !== null &&
      'refreshToken' in body &&
      typeof body.refreshToken === 'string' &&
      /^[\w-]{64}$/.test(body.refreshToken) &&
      body.refreshToken.startsWith(refreshToken.slice(0, 20))
    const requests = fc.oneof(
      nearlyValid({ username: ada.username, password: canary }).map(body => ({
        path: '/login',
        body
      })),
      nearlyValid({ username: ada.username, password: ada.password }).map(body => ({
        path: '/login',
        body
      })),
      nearlyValid({ challengeToken }).map(body => ({ path: '/resend', body })),
      nearlyValid({ challengeToken, code }).map(body => ({ path: '/verify', body })),
      nearlyValid({ challengeToken, code: differentCode(code) }).map(body => ({
        path: '/verify',
        body
      })),
      nearlyValid({ refreshToken }).chain(body =>
        fc.constantFrom('/refresh', '/logout').map(path => ({ path, body }))
      )
    )
    await fc.assert(
      fc.asyncProperty(requests, async ({ path, body }) => {
        const read = parse(body)
        // A well-formed guess may use an attempt.
        fc.pre(!(path === '/verify' && isGuess(read)) && !isOfSession(read) && !namesCanary(read))
        await inject(post(path, body))
      }),
      { numRuns: 150 }
    )
    await assertUntouched()
  }
)

/** Whether a body has the correct password and a new password of sufficient length. */
const isPasswordChange = (body: unknown) =>
  typeof body === 'object' &&
  body !== null &&
  'currentPassword' in body &&
  body.currentPassword === ada.password &&
  'newPassword' in body &&
  String(body.newPassword).length >= 8

t.test('no body of a request to /me changes more than the locale', async t => {
  const { inject, assertUntouched, accessToken, prisma } = await startTarget(t)
  const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' }
  const [before] = await prisma.user.findMany()
  const requests = fc.oneof(
    nearlyValid({ locale: 'pt-BR' }).map(payload => ({ method: 'PATCH' as Method, payload })),
    nearlyValid({ password: canary }).map(payload => ({ method: 'DELETE' as Method, payload })),
    nearlyValid({ currentPassword: canary, newPassword: 'another horse battery' }).map(payload => ({
      method: 'POST' as Method,
      payload
    })),
    nearlyValid({ currentPassword: ada.password, newPassword: 'ada' }).map(payload => ({
      method: 'POST' as Method,
      payload
    }))
  )
  await fc.assert(
    fc.asyncProperty(requests, async ({ method, payload }) => {
      const body = parse(payload)
      fc.pre(!namesCanary(body) && !isPasswordChange(body))
      await inject({ method, url: method === 'POST' ? '/me/password' : '/me', payload, headers })
    }),
    { numRuns: 150 }
  )
  const [after] = await prisma.user.findMany()
  const locale = after?.locale ?? 'pt-BR'
  t.ok(locale.startsWith('x-') || new Intl.Locale(locale).toString() === locale, locale)
  t.same(after, { ...before, locale: after?.locale })
  await assertUntouched()
})

const headerText = fc.oneof(
  fc.constantFrom('', canary, 'null', '*', ',', ';', '=', '"', '%', '\t', 'a'.repeat(8000)),
  fc.string({
    unit: fc
      .integer({ min: 0x20, max: 0xff })
      .filter(code => code !== 0x7f)
      .map(code => String.fromCharCode(code)),
    maxLength: 60
  })
)
const contentTypes = fc.oneof(
  headerText,
  fc.constantFrom(
    'application/json',
    'application/json; charset=utf-16',
    'application/json;charset="',
    'APPLICATION/JSON',
    'application/json, text/plain',
    'application/json;',
    'application/jsonp',
    'application/problem+json',
    'text/plain',
    'text/json',
    'multipart/form-data',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded',
    '__proto__',
    'constructor/toString',
    `application/${canary}`,
    `application/json; charset=${canary}`
  )
)
const authorizations = (tokens: string[]) =>
  fc.oneof(
    headerText,
    fc
      .tuple(
        fc.constantFrom(
          'Bearer ',
          'bearer ',
          'BEARER  ',
          'Bearer',
          'Bearer\t',
          'Basic ',
          'DPoP ',
          ' Bearer ',
          'Bearer Bearer '
        ),
        fc.oneof(headerText, fc.constantFrom(...tokens), forgedTokens)
      )
      .map(parts => parts.join(''))
  )
const addresses = fc.oneof(
  headerText,
  fc.ipV4(),
  fc.ipV6(),
  fc.array(fc.ipV4Extended(), { maxLength: 50 }).map(list => list.join(', ')),
  fc.constantFrom('unknown', '[::1]:80', '::ffff:1.2.3.4', 'fe80::1%eth0', '1.2.3.4.5', '999.1.1.1')
)
const hosts = fc.oneof(
  headerText,
  fc.domain(),
  fc.constantFrom('[', 'a:99999', 'a@b', `${canary}.example`, '[::1', 'x y')
)

t.test('no header causes an internal error, leaks a secret or sends a message', async t => {
  const { inject, assertUntouched, challengeToken } = await startTarget(t)
  const headers = fc.record(
    {
      'content-type': contentTypes,
      authorization: authorizations([challengeToken, `${challengeToken}x`, canary]),
      'x-forwarded-for': addresses,
      'x-forwarded-host': hosts,
      'x-forwarded-proto': headerText,
      forwarded: headerText,
      host: hosts,
      'content-length': fc.constantFrom(
        '0',
        '1',
        '17',
        '99999999999999999999',
        '-1',
        '1e3',
        '0x10',
        ' 5',
        ''
      ),
      'content-encoding': fc.constantFrom('gzip', 'br', canary),
      'transfer-encoding': fc.constantFrom('gzip', 'identity', canary),
      accept: headerText,
      'accept-version': headerText,
      cookie: headerText,
      origin: headerText,
      // A valid id is kept. An id with a comma is invalid.
      'x-request-id': headerText.map(text => `${text},`),
      'x-http-method-override': fc.constantFrom('DELETE', canary)
    },
    { requiredKeys: [] }
  )
  const requests = fc.oneof(
    fc.constantFrom(...paths).map(url => ({
      method: 'POST' as Method,
      url,
      payload: JSON.stringify({ username: ada.username, password: canary })
    })),
    fc
      .constantFrom('/me', '/sessions', '/.well-known/jwks.json')
      .map(url => ({ method: 'GET' as Method, url }))
  )
  await fc.assert(
    fc.asyncProperty(requests, headers, (request, headers) =>
      inject({
        ...request,
        headers: {
          ...('payload' in request && { 'content-type': 'application/json' }),
          ...headers
        }
      })
    ),
    { numRuns: 100 }
  )
  await assertUntouched()
})

t.test(
  'no path, query or method causes an internal error, leaks a secret or sends a message',
  async t => {
    const { app, assertUntouched } = await startTarget(t)
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = app.server.address() as AddressInfo

    async function exchange(request: string): Promise<Received> {
      const socket = connect(port, '127.0.0.1')
      // The socket stays open, because Node treats a half-closed client as disconnected.
      socket.write(request, 'latin1')
      const response = await readText(socket)
      const [head = '', body = ''] = response.split(/\r\n\r\n(.*)/s)
      return {
        status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]),
        type: /^content-type: (.*?)\r?$/im.exec(head)?.[1] ?? '',
        body,
        headers: head
      }
    }

    const methods = fc.constantFrom(
      'GET',
      'POST',
      'PUT',
      'PATCH',
      'DELETE',
      'OPTIONS',
      'TRACE',
      'PROPFIND',
      'QUERY',
      'get',
      'NONSENSE'
    )
    const targetText = fc.string({
      unit: fc
        .integer({ min: 0x21, max: 0xff })
        .filter(code => code !== 0x7f)
        .map(code => String.fromCharCode(code)),
      maxLength: 40
    })
    const piece = fc.oneof(
      targetText,
      fc.constantFrom(
        '%',
        '%zz',
        '%00',
        '%2f',
        '%c0%ae',
        '%ud800',
        '..',
        '.',
        '//',
        ';',
        '?',
        '#',
        '&',
        '[]',
        `/${canary}`,
        'a'.repeat(2000),
        '__proto__',
        'constructor'
      ),
      fc.webQueryParameters(),
      fc.webPath()
    )
    const stem = fc.constantFrom(
      '/',
      '/login',
      '/resend?',
      '/verify?',
      '/me',
      '/me?',
      '/sessions/',
      '/.well-known/jwks.json?',
      '/.well-known/',
      '/livez?',
      '//',
      '*',
      'http://example/login',
      'http://',
      ''
    )
    const targets = fc
      .tuple(stem, fc.array(piece, { maxLength: 3 }), fc.constantFrom('', `?password=${canary}`))
      .map(parts => parts.flat().join(''))
      .filter(text => text !== '')
    await fc.assert(
      fc.asyncProperty(
        methods,
        targets,
        fc.constantFrom('', '{}', '{'),
        async (method, target, body) => {
          const sent = [
            `${method} ${target} HTTP/1.1`,
            'host: x',
            'connection: close',
            ...(body === ''
              ? []
              : ['content-type: application/json', `content-length: ${body.length}`]),
            '',
            body
          ].join('\r\n')
          assertExpected(await exchange(sent))
        }
      ),
      { numRuns: 100 }
    )
    await assertUntouched()
  }
)

t.test('no body of 16 KiB gets a response of more than four times its size', async t => {
  const { app } = await startApp(t)
  const numbers = (count: number) => Array(count).fill('1e999').join()
  for (const [name, payload] of [
    ['numbers in nested arrays', `${'['.repeat(5000)}${numbers(900)}${']'.repeat(5000)}`],
    ['numbers under a long key', `{"${'x'.repeat(8000)}":[${numbers(1200)}]}`],
    ['numbers in data', `{"action":"transfer","data":[${numbers(2600)}]}`]
  ] as const) {
    const { statusCode, body } = await app.inject({
      method: 'POST',
      url: '/confirmations',
      headers: { 'content-type': 'application/json' },
      payload
    })
    t.equal(statusCode, 400, name)
    t.ok(body.length < 4 * 16_384, `${name}: ${body.length}`)
  }
})

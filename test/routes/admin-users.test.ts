import t from 'tap'
import { foreignHashes } from '../support/foreign-hashes.ts'
import { ada, slugOf } from '../support/start-app.ts'
import { startAdmin } from '../support/start-admin.ts'

const grace = {
  username: 'grace@example.com',
  password: 'a perfectly fine password',
  phone: '+12025550144'
}
const imported = foreignHashes.find(({ kind }) => kind === 'pbkdf2-sha256:260000')

/** The fields that a 400 names. */
const fieldsIn = ({ payload }: { payload: string }) =>
  (JSON.parse(payload).errors ?? []).map(({ pointer }: { pointer: string }) => pointer)

t.test('POST /users', async t => {
  t.test('adds a user who can log in, and returns it with its location', async t => {
    const { admin, clock, eventsNamed, logIn, prisma } = await startAdmin(t)
    const response = await admin('POST', '/users', {
      ...grace,
      phone: '+1 (202) 555-0144',
      locale: 'pt-br',
      claims: { roles: ['admin'], tenant: { id: 42 } },
      disabled: false
    })
    t.equal(response.statusCode, 201)
    const { id, createdAt, ...user } = response.json()
    t.match(id, /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/)
    t.ok(Math.abs(Date.parse(createdAt) - Date.now()) < 60_000)
    t.strictSame(user, {
      username: grace.username,
      phone: grace.phone,
      locale: 'pt-BR',
      claims: { roles: ['admin'], tenant: { id: 42 } },
      disabled: false,
      lastLoginAt: null,
      phoneChangedAt: null,
      codeFailures: 0,
      lockedUntil: null,
      factors: { sms: true, totp: false, recoveryCodes: 0 }
    })
    t.equal(response.headers.location, `/users/${id}`)
    t.equal(response.headers['cache-control'], 'no-store')
    t.match(eventsNamed('user.created'), [{ userId: id, actor: /^key:[\da-f]{8}$/ }])
    await logIn(grace)
    t.same((await admin('GET', `/users/${id}`)).json(), {
      ...response.json(),
      lastLoginAt: clock().toISOString()
    })
    const { passwordDigest } = await prisma.user.findUniqueOrThrow({ where: { id } })
    t.match(passwordDigest, /^\$argon2id\$/)
  })

  t.test('needs a username and a password only', async t => {
    const { admin } = await startAdmin(t)
    const { username, password } = grace
    t.match((await admin('POST', '/users', { username, password })).json(), {
      username,
      phone: null,
      locale: null,
      claims: {},
      disabled: false,
      factors: { sms: false, totp: false, recoveryCodes: 0 }
    })
    const unset = { phone: null, locale: null, claims: {}, disabled: true }
    t.match((await admin('POST', '/users', { username: 'eve', password, ...unset })).json(), unset)
  })

  t.test('a username is taken in any case and width', async t => {
    const { admin } = await startAdmin(t)
    for (const username of ['ada', 'ADA', 'ａｄａ']) {
      const response = await admin('POST', '/users', { ...grace, username })
      t.match(
        { slug: slugOf(response), status: response.statusCode },
        {
          slug: 'username-taken',
          status: 409
        }
      )
    }
  })

  t.test('accepts what e-mail addresses contain, up to 254 characters', async t => {
    const { admin, idOf } = await startAdmin(t)
    const longest = `${'x'.repeat(242)}@example.com`
    for (const username of ["o'neil&sons@example.com", 'a+b=c#d!@x.example', '李雷', longest]) {
      t.equal((await admin('POST', '/users', { ...grace, username })).statusCode, 201, username)
      const found = await admin('GET', `/users?username=${encodeURIComponent(username)}`)
      t.match(found.json().users, [{ id: await idOf(username), username }])
    }
    t.same(fieldsIn(await admin('POST', '/users', { ...grace, username: `x${longest}` })), [
      '#/username'
    ])
  })

  t.test('accepts a hash of another system instead of a password', async t => {
    const { admin, logIn, prisma } = await startAdmin(t)
    const { hash: passwordHash = '', password = '' } = imported ?? {}
    const { username, phone } = grace
    const response = await admin('POST', '/users', { username, phone, passwordHash })
    t.equal(response.statusCode, 201)
    t.notMatch(response.payload, /pbkdf2/)
    const { id } = response.json()
    const { passwordDigest } = await prisma.user.findUniqueOrThrow({ where: { id } })
    t.match(passwordDigest, /^\$pbkdf2-sha256\$i=260000,l=32\$/)
    t.match(await logIn({ username, phone, password }), { accessToken: String })
  })

  t.test('an invalid field is a 400 that names it', async t => {
    const { admin, prisma } = await startAdmin(t, { countries: ['US'] })
    const { password, ...user } = grace
    for (const [field, values] of Object.entries({
      username: ['', 'a b', 'a`b', 'a\0b', 'a\ud800', 'x'.repeat(255), 'ﷺ'.repeat(60), null, 1, {}],
      password: [
        '',
        'short',
        'password123',
        'grace@example.com1',
        'a\ud800bcdefghijk',
        'x'.repeat(257),
        null,
        1,
        {}
      ],
      phone: [
        '',
        '12025550144',
        '0012025550144',
        '+1202555014',
        '+4915123456789',
        '+18005550199',
        'a\0b',
        '+12025550144\n@evil.example #000000',
        1,
        {}
      ],
      locale: ['', 'e', 'de_DE', 'x'.repeat(129), 'a\ud800', 1, {}],
      claims: [
        null,
        'admin',
        ['admin'],
        { sub: 'x' },
        { exp: 1 },
        { roles: 'admin' },
        { x: 'a\0b' },
        { x: 'x'.repeat(2048) }
      ],
      disabled: [null, 'false', 0]
    }))
      for (const value of values)
        t.same(
          fieldsIn(await admin('POST', '/users', { ...grace, [field]: value })),
          [`#/${field}`],
          `${field}: ${JSON.stringify(value)}`
        )
    for (const passwordHash of [
      '',
      '!',
      'secret',
      password,
      `${imported?.hash}x`,
      '5f4dcc3b5aa765d61d8327deb882cf99',
      imported?.hash.replace('260000', '99999999'),
      null
    ])
      t.same(
        fieldsIn(await admin('POST', '/users', { ...user, passwordHash })),
        ['#/passwordHash'],
        String(passwordHash)
      )
    t.same(fieldsIn(await admin('POST', '/users', user)), ['#/password'])
    t.same(fieldsIn(await admin('POST', '/users', { ...grace, passwordHash: imported?.hash })), [
      '#/passwordHash'
    ])
    t.same(
      fieldsIn(
        await admin('POST', '/users', { ...grace, phone: '1', locale: '?', claims: { sub: 1 } })
      ),
      ['#/phone', '#/locale', '#/claims'],
      'all invalid fields are named'
    )
    for (const unknown of ['id', 'createdAt', 'lastLoginAt', 'codeFailures', 'passwordDigest'])
      t.same(fieldsIn(await admin('POST', '/users', { ...grace, [unknown]: 1 })), [`#/${unknown}`])
    t.equal(await prisma.user.count(), 1, 'no user was added')
  })

  t.test('a number in claims that JSON parsers round is refused', async t => {
    const { admin } = await startAdmin(t)
    const body = (number: string) =>
      JSON.stringify({ ...grace, claims: { limit: 0 } }).replace(':0}', `:${number}}`)
    t.same(fieldsIn(await admin('POST', '/users', body('0.1234567890123456789'))), [
      '#/claims/limit'
    ])
    t.equal((await admin('POST', '/users', body('0.25'))).statusCode, 201)
  })

  t.test('only one of fifty concurrent requests for the same username succeeds', async t => {
    const { admin, eventsNamed, prisma } = await startAdmin(t)
    const responses = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        admin('POST', '/users', { ...grace, username: n % 2 ? 'Grace' : 'grace' })
      )
    )
    const statuses = responses.map(({ statusCode }) => statusCode).sort()
    t.same(statuses, [201, ...Array(49).fill(409)])
    t.equal(await prisma.user.count(), 2)
    t.equal(eventsNamed('user.created').length, 1)
  })

  t.test('a burst of new users waits instead of filling the password-hashing queue', async t => {
    const { admin, login } = await startAdmin(t, { argon2: { queue: 2 } })
    const burst = Array.from({ length: 40 }, (_, n) =>
      admin('POST', '/users', { ...grace, username: `user${n}` })
    )
    t.equal((await login(ada)).statusCode, 200)
    for (const { statusCode } of await Promise.all(burst)) t.equal(statusCode, 201)
  })
})

/** Starts the admin API with these users in addition to Ada. */
async function startWith(t: Parameters<typeof startAdmin>[0], usernames: string[]) {
  const service = await startAdmin(t)
  await service.prisma.user.createMany({
    data: usernames.map(username => ({
      username,
      usernameKey: username.normalize('NFKC').toLowerCase().normalize('NFKC'),
      passwordDigest: 'a digest'
    }))
  })
  const page = async (query: string) => (await service.admin('GET', `/users?${query}`)).json()
  return {
    ...service,
    page,
    names: async (query: string): Promise<string[]> =>
      (await page(query)).users.map(({ username }: { username: string }) => username)
  }
}

t.test('GET /users', async t => {
  t.test('lists all users by username, page by page', async t => {
    const { page } = await startWith(
      t,
      Array.from({ length: 120 }, (_, n) => `User${String(n).padStart(3, '0')}`)
    )
    const all: string[] = []
    const sizes: number[] = []
    let next: string | null = ''
    do {
      const response: { users: { username: string }[]; next: string | null } = await page(
        `after=${next}`
      )
      all.push(...response.users.map(({ username }) => username))
      sizes.push(response.users.length)
      next = response.next
    } while (next !== null)
    t.same(sizes, [50, 50, 21])
    t.equal(all[0], 'ada')
    t.same(all.slice(1), all.slice(1).sort())
    t.equal(new Set(all).size, 121)

    t.match(await page('limit=121'), { next: null })
    t.match(await page('limit=120'), { next: /^[\w-]+$/ })
    t.equal((await page('limit=1')).users.length, 1)
  })

  t.test('users added or deleted between two pages do not shift other users', async t => {
    const { admin, idOf, names, page } = await startWith(t, ['b', 'd', 'f', 'h'])
    const { users, next } = await page('limit=3')
    t.match(users, [{ username: 'ada' }, { username: 'b' }, { username: 'd' }])
    for (const username of ['d', 'f']) await admin('DELETE', `/users/${await idOf(username)}`)
    for (const username of ['a', 'e']) await admin('POST', '/users', { ...grace, username })
    t.same(await names(`limit=3&after=${next}`), ['e', 'h'])
  })

  t.test('selects by username, number and prefix, which must all match', async t => {
    const { names, prisma } = await startWith(t, ['Grace', 'grace@example.com', 'GREGOR', 'hal'])
    const phone = '+12025550144'
    await prisma.user.updateMany({
      where: { username: { in: ['Grace', 'hal'] } },
      data: { phone }
    })
    t.same(await names('username=grace'), ['Grace'])
    t.same(await names('username=GRACE%40example.com'), ['grace@example.com'])
    t.same(await names('username=gra'), [])
    t.same(await names('search=gr'), ['Grace', 'grace@example.com', 'GREGOR'])
    t.same(await names('search=ＧＲＥ'), ['GREGOR'])
    t.same(await names('search=race'), [])
    t.same(await names(`phone=${encodeURIComponent(phone)}`), ['Grace', 'hal'])
    t.same(await names(`phone=${phone}`), ['Grace', 'hal'], 'an unencoded plus sign')
    t.same(await names('phone=%2B1%20(202)%20555-0144'), ['Grace', 'hal'])
    t.same(await names('phone=%2B12025550199'), [])
    t.same(await names(`search=g&phone=${phone}`), ['Grace'])
    t.same(await names('username=hal&search=g'), [])
    t.same((await names('username=&phone=&search=&limit=&after=')).length, 5, 'empty is unset')
  })

  t.test('wildcards of SQL are literal in a prefix', async t => {
    const { names } = await startWith(t, ['a_b', 'a%b', 'axb', '_', '%'])
    t.same(await names('search=a_'), ['a_b'])
    t.same(await names('search=a%25'), ['a%b'])
    t.same(await names('search=_'), ['_'])
    t.same(await names('search=%25'), ['%'])
    t.same(await names('search=%5C'), [])
    t.same(await names(`search=${encodeURIComponent("'; DROP TABLE users; --")}`), [])
  })

  t.test('an invalid query is a 400 that names the parameter', async t => {
    const { admin } = await startAdmin(t)
    const queries: [query: string, field: string][] = [
      ...['0', '501', '1000', '-1', '1.5', '1e2', '0x10', '+5', ' 5', '5 ', 'ten', '٣'].map(
        (limit): [string, string] => [`limit=${encodeURIComponent(limit)}`, 'limit']
      ),
      ['limit=5&limit=6', 'limit'],
      ['username=a&username=b', 'username'],
      ['username=%00', 'username'],
      ['search=a%00', 'search'],
      ['phone=%2B1%00', 'phone'],
      [`search=${'x'.repeat(257)}`, 'search'],
      ['name=ada', 'name'],
      ['__proto__=1', '__proto__'],
      ['offset=5', 'offset']
    ]
    for (const [query, field] of queries)
      t.same(fieldsIn(await admin('GET', `/users?${query}`)), [`#/${field}`], query)
    t.equal((await admin('GET', '/users?limit=500')).statusCode, 200)
    t.equal((await admin('GET', '/users?search=%ED%A0%80')).statusCode, 200, 'invalid UTF-8')
  })

  t.test('a cursor that was not issued is a 400', async t => {
    const { admin, page } = await startWith(t, ['b', 'c'])
    const { next } = await page('limit=1')
    t.match(await page(`after=${next}`), { users: [{ username: 'b' }, { username: 'c' }] })
    const bytes = Buffer.from(next, 'base64url')
    const changed = [...bytes.keys()].map(position => {
      const copy = Buffer.from(bytes)
      copy[position] = (copy[position] ?? 0) ^ 1
      return copy.toString('base64url')
    })
    for (const after of [
      ...changed,
      'ada',
      'YWRh',
      'null',
      '0',
      next.slice(0, -1),
      next.slice(1),
      `${next}A`,
      `${next}=`,
      `${next}%20`,
      `${next}%00`,
      `${next}${next}`,
      bytes.toString('hex'),
      'x'.repeat(1025)
    ])
      t.same(fieldsIn(await admin('GET', `/users?after=${after}`)), ['#/after'], after)
  })

  t.test('a cursor works under the next secret while both are set', async t => {
    const [old, next] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
    const cursorUnder = async (...secrets: [Buffer, ...Buffer[]]) => {
      const { admin, addUser } = await startAdmin(t, { secrets })
      await addUser(grace)
      return {
        cursor: (await admin('GET', '/users?limit=1')).json().next,
        accepts: async (cursor: string) => (await admin('GET', `/users?after=${cursor}`)).statusCode
      }
    }
    const { cursor } = await cursorUnder(old)
    t.equal(await (await cursorUnder(next, old)).accepts(cursor), 200)
    t.equal(await (await cursorUnder(next)).accepts(cursor), 400)
  })
})

t.test('the admin API and the public API have separate ports', async t => {
  const { admin, app, apiKey, idOf } = await startAdmin(t)
  const id = await idOf('ada')
  const headers = { authorization: `Bearer ${apiKey}` }
  for (const url of ['/users', `/users/${id}`, `/users/${id}/sessions`])
    t.equal(slugOf(await app.inject({ url, headers })), 'not-found', url)
  for (const url of ['/me', '/sessions', '/livez', '/.well-known/jwks.json', '/docs', '/'])
    t.equal(slugOf(await admin('GET', url)), 'not-found', url)
  t.equal(slugOf(await admin('POST', '/login', ada)), 'not-found')
})

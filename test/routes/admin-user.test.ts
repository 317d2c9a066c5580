import { decodeJwt } from 'jose'
import t from 'tap'
import { serverUrl } from '../support/database.ts'
import { startAdmin } from '../support/start-admin.ts'
import { ada, codeIn, defaultLimits, differentCode, slugOf } from '../support/start-app.ts'

const newPhone = '+12025550199'

/** Starts the admin API with Ada and functions that send requests call her. */
async function startWithAda(t: Parameters<typeof startAdmin>[0], options: object = {}) {
  const service = await startAdmin(t, options)
  const id = await service.idOf('ada')
  const path = `/users/${id}`
  return {
    ...service,
    id,
    read: async () => (await service.admin('GET', path)).json(),
    patch: (change: object) => service.admin('PATCH', path, change),
    remove: () => service.admin('DELETE', path),
    call: (method: 'GET' | 'POST' | 'DELETE', subpath: string) =>
      service.admin(method, `${path}/${subpath}`)
  }
}

t.test('an unknown or malformed user id is not found', async t => {
  const { admin, id } = await startWithAda(t)
  const unknown = id.replace(/^./, first => (first === '0' ? '1' : '0'))
  for (const wrongId of [
    unknown,
    'ada',
    '1',
    `${id}0`,
    id.slice(1),
    id.replaceAll('-', ''),
    `{${id}}`,
    `${id}%00`,
    '%00',
    '%F0%9F%92%A9',
    'null',
    '..%2f',
    '__proto__',
    'x'.repeat(100),
    'x'.repeat(2000)
  ])
    for (const [method, rest] of [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['POST', '/unlock'],
      ['GET', '/sessions'],
      ['DELETE', '/sessions'],
      ['DELETE', '/factors']
    ] as const) {
      const response = await admin(
        method,
        `/users/${wrongId}${rest}`,
        method === 'PATCH' ? { disabled: true } : undefined
      )
      t.equal(slugOf(response), 'not-found', `${method} /users/${wrongId.slice(0, 40)}${rest}`)
    }
  t.equal((await admin('GET', `/users/${id.toUpperCase()}`)).json().id, id)
})

t.test('PATCH', async t => {
  t.test('changes any of the fields and returns the user', async t => {
    const { patch, read, eventsNamed, id } = await startWithAda(t)
    const before = await read()
    const change = {
      username: 'ada@example.com',
      locale: 'de-de',
      claims: { roles: ['admin'] },
      disabled: true
    }
    const response = await patch(change)
    t.equal(response.statusCode, 200)
    t.same(response.json(), { ...before, ...change, locale: 'de-DE' })
    t.same(await read(), response.json())
    t.same((await patch({ locale: null, claims: {}, disabled: false })).json(), {
      ...before,
      username: change.username
    })
    t.match(eventsNamed('user.updated'), [
      { userId: id, changed: ['username', 'locale', 'claims', 'disabled'] },
      { userId: id, changed: ['locale', 'claims', 'disabled'] }
    ])
    t.equal(eventsNamed('password.changed').length, 0)
  })

  t.test('a body without a field, or with an unknown or invalid one, changes nothing', async t => {
    const { admin, patch, read, id } = await startWithAda(t)
    const before = await read()
    for (const change of [
      {},
      { id: 'x' },
      { disabled: true, isAdmin: true },
      { disabled: true, phone: '1' },
      { phone: newPhone, password: 'short' },
      { phone: newPhone, claims: { sub: 'x' } },
      { username: null },
      { password: null },
      { username: 'a b', disabled: true },
      { password: 'a perfectly fine password', passwordHash: '$argon2id$' }
    ])
      t.equal(slugOf(await patch(change)), 'invalid-request', JSON.stringify(change))
    for (const body of ['', 'null', '[]', '"x"', '{', '{"disabled":true,"disabled":}'])
      t.equal(slugOf(await admin('PATCH', `/users/${id}`, body)), 'invalid-request', body)
    t.same(await read(), before)
  })

  t.test('a username of another user is refused, and one in another case is not', async t => {
    const { admin, patch, read } = await startWithAda(t)
    await admin('POST', '/users', { username: 'grace', password: 'a perfectly fine password' })
    for (const username of ['grace', 'GRACE'])
      t.equal(slugOf(await patch({ username, disabled: true })), 'username-taken')
    t.match(await read(), { username: 'ada', disabled: false })
    t.equal((await patch({ username: 'ADA' })).statusCode, 200)
    t.equal((await read()).username, 'ADA')
  })

  t.test('a new password ends sessions and challenges', async t => {
    const { patch, loginAndReadCode, login, logIn, me, verify, eventsNamed, wait } =
      await startWithAda(t)
    const { accessToken } = await logIn()
    wait(31)
    const pending = await loginAndReadCode()
    const password = 'another horse battery'
    t.equal((await patch({ password })).statusCode, 200)
    t.equal(slugOf(await me(accessToken)), 'invalid-token')
    t.equal(slugOf(await verify(pending.challengeToken, pending.code)), 'challenge-ended')
    t.equal(slugOf(await login()), 'invalid-credentials')
    t.equal((await login({ ...ada, password })).statusCode, 200)
    t.equal(eventsNamed('password.changed').length, 1)
    t.equal(eventsNamed('user.updated').length, 0)
  })

  t.test('a new password may not contain the username that the user then has', async t => {
    const { patch } = await startWithAda(t)
    for (const change of [
      { password: 'xx-ada-xx-yy' },
      { password: 'xx-grace-xx-yy', username: 'grace' }
    ])
      t.match((await patch(change)).json().errors, [{ pointer: '#/password' }])
    t.equal((await patch({ password: 'xx-ada-xx-yy', username: 'grace' })).statusCode, 200)
  })

  t.test('a new number ends sessions and challenges and notifies the old number', async t => {
    const { patch, loginAndReadCode, login, logIn, me, twilio, verify, clock, wait } =
      await startWithAda(t)
    const { accessToken } = await logIn()
    wait(31)
    const { challengeToken, code } = await loginAndReadCode()
    const changed = (await patch({ phone: '+1 (202) 555-0199', locale: 'de' })).json()
    t.match(changed, { phone: newPhone, phoneChangedAt: clock().toISOString() })
    t.equal(slugOf(await me(accessToken)), 'invalid-token')
    t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
    await waitFor(() => twilio.messagesTo(ada.phone).length === 3)
    const notice = twilio.messagesTo(ada.phone).at(-1)?.body ?? ''
    t.match(notice, /Telefonnummer[^]*99/)
    t.notMatch(notice, /\d{3}/, 'the notice contains no code and no number')
    await login()
    t.equal(twilio.messagesTo(newPhone).length, 1)
  })

  t.test('the same number in another form is not a change', async t => {
    const { patch, logIn, me, twilio, eventsNamed } = await startWithAda(t)
    const { accessToken } = await logIn()
    t.match((await patch({ phone: '+1 202 555 0143' })).json(), {
      phone: ada.phone,
      phoneChangedAt: null
    })
    t.equal((await me(accessToken)).statusCode, 200)
    t.equal(twilio.messages.length, 1)
    t.equal(eventsNamed('user.updated').length, 0)
  })

  t.test('without a number a user cannot log in, and a first number sends no notice', async t => {
    const { patch, login, logIn, me, twilio } = await startWithAda(t)
    const { accessToken } = await logIn()
    const removed = (await patch({ phone: null })).json()
    t.match(removed, { phone: null, phoneChangedAt: String, factors: { sms: false } })
    t.equal(slugOf(await me(accessToken)), 'invalid-token')
    t.equal(slugOf(await login()), 'invalid-credentials')
    t.same((await patch({ phone: newPhone })).json(), {
      ...removed,
      phone: newPhone,
      factors: { ...removed.factors, sms: true }
    })
    t.equal((await login()).statusCode, 200)
    t.same(
      twilio.messages.map(({ to }) => to),
      [ada.phone, newPhone]
    )
  })

  t.test('disabling a user ends sessions and challenges, other changes do not', async t => {
    const { patch, loginAndReadCode, login, logIn, me, refresh, verify, wait } =
      await startWithAda(t)
    const { accessToken, refreshToken } = await logIn()
    wait(31)
    const { challengeToken, code } = await loginAndReadCode()
    await patch({ username: 'ada2', locale: 'fr', claims: { tenant: 1 }, disabled: false })
    t.equal((await me(accessToken)).statusCode, 200)
    const next = (await refresh(refreshToken)).json()
    t.match(decodeJwt(next.accessToken), { tenant: 1 })

    t.equal((await patch({ disabled: true })).statusCode, 200)
    t.equal(slugOf(await me(accessToken)), 'invalid-token')
    t.equal(slugOf(await refresh(next.refreshToken)), 'session-ended')
    t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
    t.equal(slugOf(await login({ ...ada, username: 'ada2' })), 'invalid-credentials')
    await patch({ disabled: false })
    t.equal(slugOf(await me(accessToken)), 'invalid-token')
    t.equal((await login({ ...ada, username: 'ada2' })).statusCode, 200)
  })

  t.test('a new password or number unlocks the user', async t => {
    const { patch, loginAndReadCode, verify, read, login, wait } = await startWithAda(t, {
      limits: { ...defaultLimits, requests: 0 }
    })
    const lock = async () => {
      const { challengeToken, code } = await loginAndReadCode()
      for (let n = 0; n < 5; n++) await verify(challengeToken, differentCode(code))
      t.match(await read(), { codeFailures: 5, lockedUntil: String })
    }
    await lock()
    for (const change of [{ phone: newPhone }, { phone: ada.phone }, { password: ada.password }]) {
      t.match((await patch(change)).json(), { codeFailures: 0, lockedUntil: null })
      wait(31)
      t.equal((await login()).statusCode, 200)
    }
    for (let n = 0; n < 11; n++) await login({ ...ada, password: 'wrong horse battery' })
    t.equal(slugOf(await login()), 'too-many-attempts')
    await patch({ password: ada.password })
    t.equal((await login()).statusCode, 200, 'the password limit is reset')
  })
})

t.test('DELETE deletes the user with everything that belongs to them', async t => {
  const { admin, id, remove, prisma, logIn, login, me, verify, loginAndReadCode, ...service } =
    await startWithAda(t)
  const { accessToken } = await logIn()
  service.wait(31)
  const { challengeToken, code } = await loginAndReadCode()
  const response = await remove()
  t.same([response.statusCode, response.payload], [204, ''])
  t.equal(slugOf(await remove()), 'not-found')
  t.equal(slugOf(await admin('GET', `/users/${id}`)), 'not-found')
  t.equal(slugOf(await me(accessToken)), 'invalid-token')
  t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
  t.equal(slugOf(await login()), 'invalid-credentials')
  t.same(
    [await prisma.user.count(), await prisma.session.count(), await prisma.challenge.count()],
    [0, 0, 0]
  )
  t.match(service.eventsNamed('user.deleted'), [{ userId: id, actor: /^key:[\da-f]{8}$/ }])
})

t.test('sessions', async t => {
  t.test('are listed as the user sees them, without marking a current one', async t => {
    const { call, logIn, sessions, wait } = await startWithAda(t)
    t.same((await call('GET', 'sessions')).json(), { sessions: [] })
    await logIn()
    wait(60)
    const { accessToken } = await logIn()
    const own = (await sessions(accessToken)).json().sessions
    t.equal(own.length, 2)
    t.same(
      (await call('GET', 'sessions')).json().sessions,
      own.map(({ current: _current, ...session }: { current: boolean }) => session)
    )
    wait(3601)
    t.same((await call('GET', 'sessions')).json(), { sessions: [] }, 'expired sessions are hidden')
  })

  t.test('all end at once', async t => {
    const { call, logIn, me, refresh, eventsNamed, id } = await startWithAda(t)
    const all = [await logIn(), await logIn()]
    t.equal((await call('DELETE', 'sessions')).statusCode, 204)
    for (const { accessToken, refreshToken } of all) {
      t.equal(slugOf(await me(accessToken)), 'invalid-token')
      t.equal(slugOf(await refresh(refreshToken)), 'session-ended')
    }
    t.equal((await call('DELETE', 'sessions')).statusCode, 204, 'succeeds without sessions')
    t.match(eventsNamed('user.sessions_ended'), [{ userId: id }, { userId: id }])
  })
})

t.test('unlock ends lockouts and resets limits at once', async t => {
  const { call, loginAndReadCode, verify, read, login, wait, twilio, eventsNamed, id } =
    await startWithAda(t, { limits: { ...defaultLimits, requests: 0, messagesPerNetworkHour: 0 } })
  const { challengeToken, code } = await loginAndReadCode()
  for (let n = 0; n < 5; n++) await verify(challengeToken, differentCode(code))
  t.match(await read(), { codeFailures: 5, lockedUntil: String })
  t.equal(slugOf(await login()), 'too-many-attempts')
  t.equal((await call('POST', 'unlock')).statusCode, 204)
  t.match(await read(), { codeFailures: 0, lockedUntil: null })

  for (let n = 0; n < 11; n++) await login({ ...ada, password: 'wrong horse battery' })
  t.equal(slugOf(await login()), 'too-many-attempts')
  await call('POST', 'unlock')
  t.equal((await login()).statusCode, 200)

  for (let n = 0; n < 6; n++) {
    wait(31)
    await login()
  }
  wait(31)
  t.equal(slugOf(await login()), 'too-many-texts')
  await call('POST', 'unlock')
  const sent = twilio.messages.length
  t.match((await login()).json(), { sent: true })
  t.equal(twilio.messages.length, sent + 1)
  t.match(eventsNamed('user.unlocked'), Array(3).fill({ userId: id }))
})

t.test('lockedUntil is shown only while the lockout lasts', async t => {
  const { loginAndReadCode, read, verify, wait, clock } = await startWithAda(t, {
    limits: { codeFailures: 5 }
  })
  const { challengeToken, code } = await loginAndReadCode()
  for (let n = 0; n < 5; n++) await verify(challengeToken, differentCode(code))
  const until = new Date(clock().getTime() + 900_000)
  t.match(await read(), { codeFailures: 5, lockedUntil: until.toISOString() })
  wait(900)
  t.match(await read(), { codeFailures: 5, lockedUntil: null })
})

t.test('DELETE factors keeps the phone of a user without other factors', async t => {
  const { call, read } = await startWithAda(t)
  t.equal((await call('DELETE', 'factors')).statusCode, 204)
  t.match(await read(), { factors: { sms: true, totp: false, recoveryCodes: 0 } })
})

t.test('concurrent requests', async t => {
  if (serverUrl === undefined) t.comment('one connection cannot show races; set TEST_DATABASE_URL')

  t.test('changes and a deletion leave either a changed user or none', async t => {
    const { admin, id, patch, remove, eventsNamed, prisma } = await startWithAda(t)
    const responses = await Promise.all([
      ...Array.from({ length: 10 }, (_, n) => patch({ claims: { n }, locale: 'de' })),
      remove(),
      remove(),
      ...Array.from({ length: 10 }, (_, n) => patch({ username: `ada${n}`, phone: newPhone }))
    ])
    const deletions = responses.slice(10, 12).map(({ statusCode }) => statusCode)
    t.same(deletions.sort(), [204, 404])
    for (const { statusCode } of responses)
      t.ok([200, 204, 404].includes(statusCode), String(statusCode))
    t.equal(slugOf(await admin('GET', `/users/${id}`)), 'not-found')
    t.equal(eventsNamed('user.deleted').length, 1)
    t.equal(await prisma.user.count(), 0)
  })

  t.test('only one of many users renamed to the same username at once gets it', async t => {
    const { admin, prisma } = await startWithAda(t)
    const others = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        admin('POST', '/users', { username: `user${n}`, password: 'a perfectly fine password' })
      )
    )
    const responses = await Promise.all(
      others.map(other => admin('PATCH', `/users/${other.json().id}`, { username: 'grace' }))
    )
    t.same(responses.map(({ statusCode }) => statusCode).sort(), [200, ...Array(11).fill(409)])
    t.equal(await prisma.user.count({ where: { usernameKey: 'grace' } }), 1)
  })

  t.test('a user disabled during logins and refreshes keeps no session', async t => {
    const { patch, login, logIn, loginAndReadCode, me, refresh, verify, wait, prisma } =
      await startWithAda(t)
    const sessions = [await logIn(), await logIn(), await logIn()]
    wait(31)
    const { challengeToken, code } = await loginAndReadCode()
    const [response, verified, ...refreshed] = await Promise.all([
      patch({ disabled: true }),
      verify(challengeToken, code),
      ...sessions.map(({ refreshToken }) => refresh(refreshToken)),
      login()
    ])
    t.equal(response.statusCode, 200)
    t.equal(await prisma.session.count(), 0)
    for (const success of [verified, ...refreshed].filter(({ statusCode }) => statusCode === 200)) {
      const { accessToken } = success.json()
      if (accessToken !== undefined) t.equal(slugOf(await me(accessToken)), 'invalid-token')
    }
    t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
  })

  t.test('the code goes to a number set while the password is hashed', async t => {
    const { patch, login, verify, duringHash, twilio } = await startWithAda(t)
    duringHash(() => patch({ phone: newPhone }))
    const { challengeToken } = (await login()).json()
    const code = codeIn(twilio.messagesTo(newPhone).at(-1)?.body)
    t.equal((await verify(challengeToken, code)).statusCode, 200)
    t.notMatch(
      twilio
        .messagesTo(ada.phone)
        .map(({ body }) => body)
        .join(),
      code
    )
  })

  t.test('a password replaced while it is hashed is refused', async t => {
    const { patch, login, duringHash, twilio } = await startWithAda(t)
    duringHash(() => patch({ password: 'another horse battery' }))
    t.equal(slugOf(await login()), 'invalid-credentials')
    t.equal(twilio.messages.length, 0)
  })
})

/** Waits for a condition that becomes true soon after a response. */
async function waitFor(condition: () => boolean) {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 10))
}

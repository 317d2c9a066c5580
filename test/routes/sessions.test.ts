import { decodeJwt } from 'jose'
import t from 'tap'
import { ada, slugOf, startApp } from '../support/start-app.ts'

const grace = { username: 'grace', password: 'a perfectly fine password', phone: '+12025550177' }

t.test('list', async t => {
  t.test('the list starts with the current session, then the most recently used', async t => {
    const { app, loginAndReadCode, logIn, refresh, sessions, clock, wait, addUser } =
      await startApp(t)
    await addUser(grace)
    await logIn(grace)
    const firstLogin = clock().toISOString()
    const first = await logIn()
    wait(60)
    const { challengeToken, code } = await loginAndReadCode()
    const userAgent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
    const browser = (
      await app.inject({
        method: 'POST',
        url: '/verify',
        payload: { challengeToken, code },
        headers: { 'user-agent': userAgent }
      })
    ).json()
    const browserLogin = clock().toISOString()
    wait(60)
    const { accessToken } = (await refresh(first.refreshToken)).json()
    const refreshed = new Date(Number(decodeJwt(accessToken).iat) * 1000).toISOString()
    wait(60)
    const newest = await logIn()
    const now = clock().toISOString()

    const response = await sessions(accessToken)
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    t.strictSame(response.json(), {
      sessions: [
        {
          id: decodeJwt(accessToken)['sid'],
          createdAt: firstLogin,
          lastUsedAt: refreshed,
          client: 'lightMyRequest',
          current: true
        },
        {
          id: decodeJwt(newest.accessToken)['sid'],
          createdAt: now,
          lastUsedAt: now,
          client: 'lightMyRequest',
          current: false
        },
        {
          id: decodeJwt(browser.accessToken)['sid'],
          createdAt: browserLogin,
          lastUsedAt: browserLogin,
          client: 'Firefox on Linux',
          current: false
        }
      ]
    })
  })

  t.test('the list does not reveal when another client used the session', async t => {
    const { logIn, sessions, clock, wait } = await startApp(t)
    wait((1900 - clock().getMilliseconds()) / 1000)
    const { accessToken } = await logIn()
    const createdAt = clock().toISOString()
    t.match((await sessions(accessToken)).json().sessions, [{ createdAt, lastUsedAt: createdAt }])
  })

  t.test('an expired session is not listed', async t => {
    const { logIn, sessions, wait } = await startApp(t)
    await logIn()
    wait(3599)
    const { accessToken } = await logIn()
    t.equal((await sessions(accessToken)).json().sessions.length, 2)
    wait(1)
    t.match((await sessions(accessToken)).json().sessions, [{ current: true }])
  })

  t.test('an operator lists and ends only sessions that have not expired', async t => {
    const { clock, logIn, users, wait } = await startApp(t)
    await logIn()
    wait(3599)
    await logIn()
    t.equal((await users.sessions({ username: ada.username }, clock()))?.length, 2)
    wait(1)
    t.equal((await users.sessions({ username: ada.username }, clock()))?.length, 1)
    t.match(await users.logOut({ username: ada.username }, clock()), { ended: 1 })
  })
})

t.test('end', async t => {
  t.test('a user ends one of their sessions by its id', async t => {
    const { logIn, sessions, endSession, me, refresh } = await startApp(t)
    const [here, there] = [await logIn(), await logIn()]
    const { id } = (await sessions(here.accessToken))
      .json()
      .sessions.find(({ current }: { current: boolean }) => !current)
    const response = await endSession(here.accessToken, id)
    t.equal(response.statusCode, 204)
    t.equal(response.body, '')
    t.equal(slugOf(await me(there.accessToken)), 'invalid-token')
    t.equal(slugOf(await refresh(there.refreshToken)), 'session-ended')
    t.equal(slugOf(await endSession(here.accessToken, id)), 'not-found', 'it no longer exists')
    t.equal((await me(here.accessToken)).statusCode, 200)
  })

  t.test('a user may end the current session', async t => {
    const { logIn, endSession, me } = await startApp(t)
    const { accessToken } = await logIn()
    t.equal((await endSession(accessToken, String(decodeJwt(accessToken)['sid']))).statusCode, 204)
    t.equal(slugOf(await me(accessToken)), 'invalid-token')
    t.equal(slugOf(await endSession(accessToken, 'whatever')), 'invalid-token')
  })

  t.test("a user can neither end nor detect another user's session", async t => {
    const { logIn, endSession, me, addUser } = await startApp(t)
    await addUser(grace)
    const [own, foreign] = [await logIn(), await logIn(grace)]
    const responses = await Promise.all(
      [
        String(decodeJwt(foreign.accessToken)['sid']),
        'AAAAAAAAAAAAAAAAAAAAAA',
        'x',
        '%00',
        '%F0%9F%90%AB',
        "'--"
      ].map(id => endSession(own.accessToken, id))
    )
    for (const response of responses) {
      t.equal(slugOf(response), 'not-found')
      t.equal(response.statusCode, 404)
      t.strictSame({ ...response.json(), instance: '' }, { ...responses[0]?.json(), instance: '' })
    }
    t.equal((await me(foreign.accessToken)).statusCode, 200)
  })

  t.test('a malformed session id is not found', async t => {
    const { logIn, endSession } = await startApp(t)
    const { accessToken } = await logIn()
    t.equal(slugOf(await endSession(accessToken, 'x'.repeat(101))), 'not-found')
  })

  t.test('a user ends all other sessions at once', async t => {
    const { logIn, endSession, sessions, me, addUser } = await startApp(t)
    await addUser(grace)
    const foreign = await logIn(grace)
    const others = [await logIn(), await logIn()]
    const { accessToken } = await logIn()
    t.equal((await endSession(accessToken)).statusCode, 204)
    for (const other of others) t.equal(slugOf(await me(other.accessToken)), 'invalid-token')
    t.match((await sessions(accessToken)).json().sessions, [{ current: true }])
    t.equal((await me(foreign.accessToken)).statusCode, 200, 'sessions of other users continue')
    t.equal((await endSession(accessToken)).statusCode, 204, 'it succeeds without other sessions')
  })

  t.test('a client that sends a JSON Content-Type with every request can end sessions', async t => {
    const { app, logIn, me } = await startApp(t)
    const other = await logIn()
    const { accessToken } = await logIn()
    const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' }
    t.equal((await app.inject({ method: 'DELETE', url: '/sessions', headers })).statusCode, 204)
    t.equal(slugOf(await me(other.accessToken)), 'invalid-token')
    t.equal(
      (await app.inject({ method: 'DELETE', url: '/sessions', headers, payload: '{}' })).statusCode,
      204
    )
    t.equal(
      slugOf(await app.inject({ method: 'DELETE', url: '/sessions', headers, payload: '{' })),
      'invalid-request'
    )
  })

  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    '*/*',
    'json',
    ''
  ]) {
    t.test(`without a body, the Content-Type "${type}" is ignored`, async t => {
      const { app, logIn, me } = await startApp(t)
      const { accessToken } = await logIn()
      const headers = { authorization: `Bearer ${accessToken}`, 'content-type': type }
      for (const more of [{}, { 'content-length': '0' }]) {
        const { statusCode } = await app.inject({
          method: 'DELETE',
          url: '/sessions',
          headers: { ...headers, ...more }
        })
        t.equal(statusCode, 204)
      }
      for (const method of ['GET', 'HEAD'] as const)
        t.equal((await app.inject({ method, url: '/sessions', headers })).statusCode, 200, method)
      const { sessionId } = (await me(accessToken)).json()
      t.equal(
        (await app.inject({ method: 'DELETE', url: `/sessions/${sessionId}`, headers })).statusCode,
        204
      )
    })
  }

  t.test('a body that is not JSON is refused', async t => {
    const { app, logIn, me } = await startApp(t)
    const { accessToken } = await logIn()
    const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'text/plain' }
    t.equal(
      slugOf(await app.inject({ method: 'DELETE', url: '/sessions', headers, payload: 'x' })),
      'unsupported-media-type'
    )
    t.equal((await me(accessToken)).statusCode, 200)
  })

  t.test('a missing or invalid access token reveals nothing', async t => {
    const { sessions, endSession } = await startApp(t)
    for (const token of [undefined, 'nonsense']) {
      for (const response of [
        await sessions(token),
        await endSession(token),
        await endSession(token, 'x')
      ]) {
        t.equal(slugOf(response), 'invalid-token')
        t.equal(
          response.headers['www-authenticate'],
          `Bearer realm="sms-login"${token === undefined ? '' : ', error="invalid_token"'}`
        )
      }
    }
  })
})

t.test('changes to the user', async t => {
  t.test('any change to a user by an operator ends all their sessions', async t => {
    for (const change of [
      { disabled: true },
      { phone: '+12025550199' },
      { passwordDigest: 'another' }
    ]) {
      const { logIn, users, refresh, me, sessions, endSession } = await startApp(t)
      const { accessToken, refreshToken } = await logIn()
      await users.change({ username: ada.username }, change, new Date())
      const name = JSON.stringify(change)
      t.equal(slugOf(await refresh(refreshToken)), 'session-ended', name)
      t.equal(slugOf(await me(accessToken)), 'invalid-token', name)
      t.equal(slugOf(await sessions(accessToken)), 'invalid-token', name)
      t.equal(slugOf(await endSession(accessToken)), 'invalid-token', name)
      await users.change({ username: ada.username }, { disabled: false }, new Date())
      t.equal(slugOf(await refresh(refreshToken)), 'session-ended', `${name}: they stay ended`)
      t.equal(slugOf(await me(accessToken)), 'invalid-token', name)
    }
  })

  t.test('a user disabled directly in the database loses access', async t => {
    const { logIn, prisma, refresh, me, sessions, logged } = await startApp(t)
    const { refreshToken: used } = await logIn()
    const { accessToken, refreshToken } = (await refresh(used)).json()
    await prisma.user.updateMany({ data: { disabled: true } })
    t.equal(slugOf(await me(accessToken)), 'invalid-token')
    t.equal(slugOf(await sessions(accessToken)), 'invalid-token')
    t.equal(slugOf(await refresh(used)), 'session-ended', 'the response is not repeated')
    t.equal(slugOf(await refresh(refreshToken)), 'session-ended')
    t.notMatch(logged.join(''), 'refresh_token.reused', 'no token was copied')
  })
})

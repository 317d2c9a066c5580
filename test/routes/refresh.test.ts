import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { slugOf, startApp } from '../support/start-app.ts'

t.test('lifetimes', async t => {
  t.test('a refresh token is exchanged for new tokens of the same session', async t => {
    const { logIn, refresh, me, wait } = await startApp(t)
    const first = await logIn()
    t.match(first.refreshToken, /^[A-Za-z0-9_-]{64}$/)
    t.equal(first.refreshExpiresIn, 3600)
    wait(800)
    const response = await refresh(first.refreshToken)
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    const next = response.json()
    t.match(next, {
      accessToken: String,
      tokenType: 'Bearer',
      expiresIn: 900,
      refreshToken: /^[A-Za-z0-9_-]{64}$/,
      refreshExpiresIn: 3600
    })
    t.equal(Object.keys(next).length, 5)
    t.not(next.refreshToken, first.refreshToken)

    const [before, after] = [decodeJwt(first.accessToken), decodeJwt(next.accessToken)]
    for (const claim of ['sub', 'sid', 'auth_time', 'amr', 'client_id', 'iss', 'aud'])
      t.strictSame(after[claim], before[claim], claim)
    t.equal(Number(after.iat) - Number(before.iat), 800)
    t.equal(Number(after.exp) - Number(after.iat), 900)
    t.not(after.jti, before.jti)
    t.equal(decodeProtectedHeader(next.accessToken).typ, 'at+jwt')
    t.equal((await me(next.accessToken)).statusCode, 200)
    t.equal(
      (await me(first.accessToken)).statusCode,
      200,
      'the previous access token stays valid until it expires'
    )
  })

  t.test('refreshing hourly extends a session up to its maximum lifetime', async t => {
    const { logIn, refresh, me, wait } = await startApp(t)
    let { refreshToken } = await logIn()
    for (let hour = 1; hour <= 23; hour++) {
      wait(3599)
      const response = await refresh(refreshToken)
      t.equal(response.statusCode, 200, `after ${hour} hours`)
      refreshToken = response.json().refreshToken
    }
    wait(86400 - 23 * 3599 - 899)
    const last = (await refresh(refreshToken)).json()
    t.match(last, { expiresIn: 899, refreshExpiresIn: 899 }, 'no token outlives the session')
    wait(898)
    t.equal((await me(last.accessToken)).statusCode, 200)
    const newest = (await refresh(last.refreshToken)).json()
    t.equal(newest.refreshExpiresIn, 1)
    wait(1)
    t.equal(slugOf(await me(newest.accessToken)), 'invalid-token')
    t.equal(slugOf(await refresh(newest.refreshToken)), 'session-ended')
  })

  t.test('a session that is not refreshed ends after an hour', async t => {
    const { logIn, refresh, wait } = await startApp(t)
    const [one, other] = [await logIn(), await logIn()]
    wait(3599)
    t.equal((await refresh(one.refreshToken)).statusCode, 200)
    wait(1)
    t.equal(slugOf(await refresh(other.refreshToken)), 'session-ended')
  })

  t.test('the shorter of the configured lifetimes applies', async t => {
    const { logIn, refresh, me, wait } = await startApp(t, {
      policy: { refreshTokenTtl: 100, sessionTtl: 60 },
      accessTokenTtl: 300
    })
    const { refreshToken, accessToken, ...rest } = await logIn()
    t.match(rest, { expiresIn: 60, refreshExpiresIn: 60 })
    wait(59)
    t.match((await refresh(refreshToken)).json(), { expiresIn: 1, refreshExpiresIn: 1 })
    wait(1)
    t.equal(slugOf(await me(accessToken)), 'invalid-token')
  })

  t.test(
    'an access token never outlives its session, not even by a fraction of a second',
    async t => {
      for (const policy of [{ refreshTokenTtl: 60 }, { sessionTtl: 60 }]) {
        const { logIn, refresh, clock, wait } = await startApp(t, { policy, accessTokenTtl: 900 })
        wait((1900 - clock().getMilliseconds()) / 1000)
        const first = await logIn()
        t.match(first, { expiresIn: 60, refreshExpiresIn: 60 })
        wait(20.5)
        const end = clock().getTime() + (policy.refreshTokenTtl ?? 39.5) * 1000
        const { accessToken, expiresIn } = (await refresh(first.refreshToken)).json()
        const { exp, iat } = decodeJwt(accessToken)
        t.ok(Number(exp) * 1000 <= end && Number(exp) * 1000 > end - 1000, `${exp} for ${end}`)
        t.equal(Number(exp) - Number(iat), expiresIn)
      }
    }
  )
})

t.test('reuse', async t => {
  t.test(
    'a client that lost the response gets the same tokens again for half a minute',
    async t => {
      const { logIn, refresh, wait } = await startApp(t)
      const { refreshToken } = await logIn()
      const lost = (await refresh(refreshToken)).json()
      wait(29)
      const again = await refresh(refreshToken)
      t.equal(again.statusCode, 200)
      t.equal(again.json().refreshToken, lost.refreshToken, 'the same successor')
      t.equal(again.json().refreshExpiresIn, 3571, 'its lifetime is not extended')
      t.equal((await refresh(again.json().refreshToken)).statusCode, 200)
    }
  )

  t.test('a refresh token reused after half a minute ends the session', async t => {
    const { logIn, refresh, wait } = await startApp(t)
    const late = await logIn()
    const lateNext = (await refresh(late.refreshToken)).json()
    wait(30)
    t.equal(slugOf(await refresh(late.refreshToken)), 'session-ended')
    t.equal(slugOf(await refresh(lateNext.refreshToken)), 'session-ended')
  })

  t.test('a refresh token reused after its successor was used ends the session', async t => {
    const { logIn, refresh, me } = await startApp(t)

    const early = await logIn()
    const next = (await refresh(early.refreshToken)).json()
    const newest = (await refresh(next.refreshToken)).json()
    t.equal(slugOf(await refresh(early.refreshToken)), 'session-ended')
    t.equal(
      slugOf(await refresh(newest.refreshToken)),
      'session-ended',
      'the newest token may be the attacker’s'
    )
    t.equal(slugOf(await me(newest.accessToken)), 'invalid-token')
  })

  t.test('a session continues under a new secret', async t => {
    const [oldSecret, newSecret] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
    const old = await startApp(t, { secrets: [oldSecret, newSecret] })
    const { refreshToken } = await old.logIn()
    const lost = (await old.refresh(refreshToken)).json()
    const shared = { database: old.database, clock: old.clock, withoutUsers: true }
    const both = await startApp(t, { ...shared, secrets: [newSecret, oldSecret] })
    t.equal((await both.refresh(refreshToken)).json().refreshToken, lost.refreshToken)
    const later = (await both.refresh(lost.refreshToken)).json()
    t.equal(
      (await old.refresh(lost.refreshToken)).json().refreshToken,
      later.refreshToken,
      'even on an instance that still signs with the old secret'
    )
    const after = await startApp(t, { ...shared, secrets: [newSecret] })
    t.equal((await after.refresh(later.refreshToken)).statusCode, 200)
  })
})

t.test('invalid tokens', async t => {
  t.test('all invalid refresh tokens get the same response', async t => {
    const { logIn, refresh, logout } = await startApp(t)
    const { refreshToken, accessToken } = await logIn()
    const ended = await logIn()
    await logout(ended.refreshToken)
    const cases = [
      ended.refreshToken,
      accessToken,
      'x',
      'A'.repeat(64),
      'A'.repeat(63),
      'A'.repeat(2048),
      `${refreshToken}=`,
      refreshToken.slice(1),
      '-'.repeat(63) + '\0',
      `${refreshToken}\n`
    ]
    const responses = await Promise.all(cases.map(token => refresh(token)))
    for (const [i, response] of responses.entries()) {
      t.equal(slugOf(response), 'session-ended', String(cases[i]))
      t.equal(response.statusCode, 401)
      t.equal(response.headers['www-authenticate'], 'Bearer realm="sms-login"')
      const { instance: _instance, ...problem } = response.json()
      const { instance: _first, ...first } = responses[0]?.json()
      t.strictSame(problem, first)
    }
    t.equal((await refresh(refreshToken)).statusCode, 200, 'other sessions continue')
  })

  t.test('a malformed body is refused and its field is named', async t => {
    const { post, logIn } = await startApp(t)
    const { refreshToken } = await logIn()
    for (const [body, pointer] of [
      [{}, '#/refreshToken'],
      [{ refreshToken: 1 }, '#/refreshToken'],
      [{ refreshToken: '' }, '#/refreshToken'],
      [{ refreshToken, scope: 'all' }, '#/scope']
    ] as const) {
      for (const url of ['/refresh', '/logout']) {
        const response = await post(url, body)
        t.equal(slugOf(response), 'invalid-request')
        t.equal(response.json().errors[0].pointer, pointer)
      }
    }
  })
})

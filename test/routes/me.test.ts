import { generateKeyPairSync } from 'node:crypto'
import { decodeJwt } from 'jose'
import t from 'tap'
import { ada, slugOf, startApp } from '../support/start-app.ts'

t.test('access tokens', async t => {
  t.test('a valid token returns its user with the phone number masked', async t => {
    const { accessToken, me, clock } = await startApp(t)
    const token = await accessToken()
    const response = await me(token)
    t.equal(response.statusCode, 200)
    t.equal(response.headers['cache-control'], 'no-store')
    const { sub, sid } = decodeJwt(token)
    const seconds = Math.floor(clock().getTime() / 1000)
    t.strictSame(response.json(), {
      id: sub,
      username: 'ada',
      phone: '+1•••••••43',
      locale: null,
      claims: {},
      sessionId: sid,
      authenticatedAt: new Date(seconds * 1000).toISOString(),
      factors: { sms: true, totp: false, recoveryCodes: 0 }
    })
  })

  t.test('a token works until one second before it expires', async t => {
    const { accessToken, me, wait } = await startApp(t)
    const token = await accessToken()
    wait(899)
    t.equal((await me(token)).statusCode, 200)
    wait(1)
    t.equal(slugOf(await me(token)), 'invalid-token')
  })

  t.test('a request without a token gets the scheme and no error code', async t => {
    const { me } = await startApp(t)
    const response = await me()
    t.equal(response.statusCode, 401)
    t.equal(slugOf(response), 'invalid-token')
    t.equal(response.headers['www-authenticate'], 'Bearer realm="sms-login"')
  })

  t.test('a request with an invalid token gets an error code', async t => {
    const { me } = await startApp(t)
    const response = await me('nonsense')
    t.equal(response.statusCode, 401)
    t.equal(slugOf(response), 'invalid-token')
    t.equal(response.headers['www-authenticate'], 'Bearer realm="sms-login", error="invalid_token"')
  })

  t.test('a token in the query string or the body is ignored', async t => {
    const { accessToken, app } = await startApp(t)
    const token = await accessToken()
    t.equal(slugOf(await app.inject({ url: `/me?access_token=${token}` })), 'invalid-token')
    t.equal(
      slugOf(await app.inject({ url: '/me', headers: { cookie: `access_token=${token}` } })),
      'invalid-token'
    )
  })
})

t.test('changes', async t => {
  t.test('the current claims are shown', async t => {
    const { accessToken, me, users } = await startApp(t)
    const token = await accessToken()
    const claims = { roles: ['editor'], tenant: { id: 7, tags: [null, true, 0.5] } }
    await users.change({ username: 'ada' }, { claims }, new Date())
    t.strictSame((await me(token)).json().claims, claims)
  })

  t.test('a disabled or deleted user loses access at once', async t => {
    const { accessToken, me, users, prisma, wait } = await startApp(t)
    const token = await accessToken()
    await users.change({ username: 'ada' }, { disabled: true }, new Date())
    t.equal(slugOf(await me(token)), 'invalid-token')
    await users.change({ username: 'ada' }, { disabled: false }, new Date())
    t.equal(slugOf(await me(token)), 'invalid-token')
    wait(31)
    const another = await accessToken()
    t.equal((await me(another)).statusCode, 200)
    await prisma.user.deleteMany()
    t.equal(slugOf(await me(another)), 'invalid-token')
  })

  t.test('a user whose number was removed has no phone and no SMS factor', async t => {
    const { accessToken, me, prisma } = await startApp(t)
    const token = await accessToken()
    await prisma.user.updateMany({ data: { phone: null } })
    t.match((await me(token)).json(), { phone: null, factors: { sms: false } })
  })

  t.test('a token of the old key works until that key is removed', async t => {
    const [oldKey, newKey] = [
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
      generateKeyPairSync('ed25519').privateKey
    ]
    const old = await startApp(t, { signingKeys: [oldKey] })
    const token = await old.accessToken()
    const both = await startApp(t, {
      database: old.database,
      withoutUsers: true,
      signingKeys: [newKey, oldKey]
    })
    t.equal((await both.me(token)).statusCode, 200)
    t.equal((await both.me(await both.accessToken())).statusCode, 200)
    const after = await startApp(t, {
      database: old.database,
      withoutUsers: true,
      signingKeys: [newKey]
    })
    t.equal(slugOf(await after.me(token)), 'invalid-token')
  })

  t.test('a login started under the old secret can be finished under the new one', async t => {
    const [oldSecret, newSecret] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
    const old = await startApp(t, { secrets: [oldSecret] })
    const { challengeToken, code } = await old.loginAndReadCode()
    const without = await startApp(t, {
      database: old.database,
      withoutUsers: true,
      secrets: [newSecret]
    })
    t.equal(slugOf(await without.verify(challengeToken, code)), 'challenge-ended')
    const both = await startApp(t, {
      database: old.database,
      withoutUsers: true,
      secrets: [newSecret, oldSecret]
    })
    t.equal((await both.verify(challengeToken, code)).statusCode, 200)
  })
})

t.test('the language', async t => {
  t.test('a user sets the language of messages and returns to Accept-Language', async t => {
    const { accessToken, app, changeMe, me, twilio, wait } = await startApp(t)
    const token = await accessToken()
    const response = await changeMe(token, { locale: 'pt-br' })
    t.equal(response.statusCode, 200)
    t.equal(response.json().locale, 'pt-BR')
    t.strictSame(response.json(), (await me(token)).json())

    const loginInGerman = async () => {
      wait(31)
      const { username, password } = ada
      await app.inject({
        method: 'POST',
        url: '/login',
        payload: { username, password },
        headers: { 'accept-language': 'de' }
      })
      return twilio.messages.at(-1)?.body
    }
    t.match(await loginInGerman(), /codigo de acesso/)
    t.equal((await changeMe(token, { locale: null })).json().locale, null)
    t.match(await loginInGerman(), /Anmeldecode/)
  })

  t.test('every valid language tag is accepted and stored in its canonical form', async t => {
    const { accessToken, changeMe } = await startApp(t)
    const token = await accessToken()
    for (const [tag, canonical] of [
      ['EN-us', 'en-US'],
      ['sr-cyrl-rs', 'sr-Cyrl-RS'],
      ['zh-yue-HK', 'yue-HK'],
      ['I-KLINGON', 'tlh'],
      ['iw', 'he'],
      ['de-CH-1996-u-co-phonebk', 'de-CH-1996-u-co-phonebk'],
      ['qaa-Qaaa-QM-x-southern', 'qaa-Qaaa-QM-x-southern'],
      ['X-Whatever', 'x-whatever'],
      ['und', 'und']
    ] as const)
      t.equal((await changeMe(token, { locale: tag })).json().locale, canonical, tag)
  })

  t.test('a body without a valid language changes nothing', async t => {
    const { accessToken, changeMe, me } = await startApp(t)
    const token = await accessToken()
    await changeMe(token, { locale: 'fr' })
    for (const body of [
      {},
      [],
      { locale: '' },
      { locale: 'pt_BR' },
      { locale: 'not a language' },
      { locale: 'en-US-' },
      { locale: 'e' },
      { locale: 'x-' },
      { locale: 'en\0' },
      { locale: ['en'] },
      { locale: 1 },
      { locale: `en-x-${'a'.repeat(200)}` },
      { locale: 'en', username: 'grace' },
      { language: 'en' }
    ]) {
      const response = await changeMe(token, body)
      t.equal(slugOf(response), 'invalid-request', JSON.stringify(body))
    }
    t.match((await changeMe(token, { locale: 'nope!' })).json().errors, [
      { pointer: '#/locale', detail: /language tag/ }
    ])
    t.equal((await me(token)).json().locale, 'fr')
  })

  t.test('a change needs a live session and counts as a request', async t => {
    const { accessToken, changeMe, logged, users } = await startApp(t, { limits: { requests: 4 } })
    const token = await accessToken()
    t.equal((await changeMe(token, { locale: 'fr' })).statusCode, 200)
    t.match(
      logged.map(line => JSON.parse(line)).filter(({ event }) => event === 'user.updated'),
      [{ actor: 'user', changed: ['locale'], userId: decodeJwt(token).sub, level: 30 }]
    )
    await users.change({ username: 'ada' }, { disabled: true }, new Date())
    t.equal(slugOf(await changeMe(token, { locale: 'de' })), 'invalid-token')
    t.equal(slugOf(await changeMe('nonsense', { locale: 'de' })), 'too-many-attempts')
  })
})

t.test('deletion', async t => {
  t.test('a deletion removes all sessions and challenges and invalidates all tokens', async t => {
    const service = await startApp(t)
    const { confirm, deleteMe, loginAndReadCode, logged, me, prisma, refresh, verify } = service
    const session = await service.logIn()
    const confirmation = (await confirm(session.accessToken)).json()
    service.wait(31)
    const pending = await loginAndReadCode()
    logged.length = 0
    const response = await deleteMe(session.accessToken)
    t.equal(response.statusCode, 204)
    t.equal(response.body, '')
    t.same(
      [await prisma.user.count(), await prisma.session.count(), await prisma.challenge.count()],
      [0, 0, 0]
    )
    const { sub } = decodeJwt(session.accessToken)
    t.match(
      logged.map(line => JSON.parse(line)).filter(({ event }) => event?.startsWith('user.')),
      [{ event: 'user.deleted', userId: sub, actor: 'user' }]
    )
    for (const secret of [ada.username, ada.phone, ada.password])
      t.notOk(logged.join('').includes(secret), 'the log keeps only the id')

    t.equal(slugOf(await me(session.accessToken)), 'invalid-token')
    t.equal(slugOf(await service.sessions(session.accessToken)), 'invalid-token')
    t.equal(slugOf(await confirm(session.accessToken)), 'invalid-token')
    t.equal(slugOf(await service.changeMe(session.accessToken, { locale: 'de' })), 'invalid-token')
    t.equal(slugOf(await deleteMe(session.accessToken)), 'invalid-token')
    t.equal(
      slugOf(await service.changePassword(session.accessToken, 'another horse battery')),
      'invalid-token'
    )
    t.equal(slugOf(await refresh(session.refreshToken)), 'session-ended')
    t.equal((await service.logout(session.refreshToken)).statusCode, 204)
    t.equal(slugOf(await verify(pending.challengeToken, pending.code)), 'challenge-ended')
    t.equal(slugOf(await service.resend(pending.challengeToken)), 'challenge-ended')
    t.equal(
      slugOf(await service.resendConfirmation(session.accessToken, confirmation.confirmationToken)),
      'invalid-token'
    )
    t.equal(slugOf(await service.login()), 'invalid-credentials')
  })

  t.test('a deletion leaves other users as they are', async t => {
    const { accessToken, addUser, deleteMe, logIn, me, refresh } = await startApp(t)
    const grace = { username: 'grace', password: 'anchors aweigh', phone: '+12025550144' }
    await addUser(grace)
    const session = await logIn(grace)
    t.equal((await deleteMe(await accessToken())).statusCode, 204)
    t.equal((await me(session.accessToken)).statusCode, 200)
    t.equal((await refresh(session.refreshToken)).statusCode, 200)
  })

  t.test('the username and number of a deleted user can be used again', async t => {
    const { accessToken, addUser, deleteMe, me } = await startApp(t)
    const old = await accessToken()
    await deleteMe(old)
    await addUser(ada)
    const token = await accessToken()
    t.equal((await me(token)).statusCode, 200)
    t.equal(slugOf(await me(old)), 'invalid-token')
  })

  t.test('a deletion requires a recent login, which a refresh does not renew', async t => {
    const { deleteMe, logIn, refresh, wait } = await startApp(t, { policy: { reauthMaxAge: 300 } })
    const { refreshToken } = await logIn()
    wait(300)
    const { accessToken } = (await refresh(refreshToken)).json()
    const response = await deleteMe(accessToken)
    t.equal(response.statusCode, 401)
    t.equal(slugOf(response), 'reauthentication-required')
    t.equal(response.json().maxAge, 300)
    t.equal(
      response.headers['www-authenticate'],
      'Bearer realm="sms-login", error="insufficient_user_authentication", ' +
        'error_description="A more recent login is required", max_age="300"'
    )
    t.equal((await deleteMe((await logIn()).accessToken)).statusCode, 204)
  })

  t.test('a wrong password deletes nothing', async t => {
    const { accessToken, deleteMe, logged, me } = await startApp(t)
    const token = await accessToken()
    const response = await deleteMe(token, 'not the password')
    t.equal(response.statusCode, 401)
    t.equal(slugOf(response), 'invalid-credentials')
    t.match(
      logged.map(line => JSON.parse(line)).filter(({ event }) => event === 'password.rejected'),
      [{ userId: decodeJwt(token).sub }]
    )
    t.equal((await me(token)).statusCode, 200)
  })

  t.test('a deletion without a valid body is refused', async t => {
    const { accessToken, app, me } = await startApp(t)
    const token = await accessToken()
    const authorization = `Bearer ${token}`
    for (const payload of [
      '{}',
      '[]',
      'null',
      '{"password":1}',
      '{"password":"x","sure":true}',
      '{'
    ])
      t.equal(
        slugOf(
          await app.inject({
            method: 'DELETE',
            url: '/me',
            payload,
            headers: { authorization, 'content-type': 'application/json' }
          })
        ),
        'invalid-request',
        payload
      )
    for (const headers of [{}, { 'content-type': 'application/json' }])
      t.equal(
        slugOf(
          await app.inject({ method: 'DELETE', url: '/me', headers: { authorization, ...headers } })
        ),
        'invalid-request'
      )
    t.equal(
      slugOf(
        await app.inject({
          method: 'DELETE',
          url: '/me',
          payload: 'password=x',
          headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' }
        })
      ),
      'unsupported-media-type'
    )
    t.equal((await me(token)).statusCode, 200)
  })
})

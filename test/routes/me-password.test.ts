import { decodeJwt } from 'jose'
import t from 'tap'
import { ada, slugOf, startApp } from '../support/start-app.ts'
import { spyOnHashes } from '../support/spy-on-hashes.ts'

const next = 'another horse battery'

t.test('a change', async t => {
  t.test('a new password replaces the old one', async t => {
    const { accessToken, changePassword, login, prisma } = await startApp(t)
    const response = await changePassword(await accessToken(), next)
    t.equal(response.statusCode, 204)
    t.equal(response.body, '')
    t.equal(slugOf(await login()), 'invalid-credentials')
    t.equal((await login({ ...ada, password: next })).statusCode, 200)
    t.match(await prisma.user.findMany(), [{ passwordKind: 'argon2id:m=1024,t=1,p=1' }])
  })

  t.test('a change ends all sessions of the user except its own', async t => {
    const { addUser, changePassword, logged, logIn, me, refresh, wait } = await startApp(t)
    const grace = { username: 'grace', password: 'anchors aweigh', phone: '+12025550144' }
    await addUser(grace)
    const others = await logIn(grace)
    const stolen = await logIn()
    wait(31)
    const own = await logIn()
    logged.length = 0
    t.equal((await changePassword(own.accessToken, next)).statusCode, 204)
    const { sub, sid } = decodeJwt(stolen.accessToken)
    t.match(
      logged.map(line => JSON.parse(line)).filter(({ event }) => event !== undefined),
      [
        { event: 'password.changed', userId: sub, actor: 'user', level: 30 },
        { event: 'session.ended', userId: sub, sessionId: sid }
      ]
    )
    t.equal(slugOf(await me(stolen.accessToken)), 'invalid-token')
    t.equal(slugOf(await refresh(stolen.refreshToken)), 'session-ended')
    for (const { accessToken, refreshToken } of [own, others]) {
      t.equal((await me(accessToken)).statusCode, 200)
      t.equal((await refresh(refreshToken)).statusCode, 200)
    }
  })

  t.test('a change ends pending logins and confirmations', async t => {
    const { accessToken, changePassword, confirm, loginAndReadCode, twilio, wait, ...service } =
      await startApp(t)
    const token = await accessToken()
    wait(31)
    const { confirmationToken } = (await confirm(token)).json()
    const confirmationCode = /\d{6}/.exec(twilio.messages.at(-1)?.body ?? '')?.[0] ?? ''
    const login = await loginAndReadCode()
    t.equal((await changePassword(token, next)).statusCode, 204)
    wait(31)
    t.equal(slugOf(await service.verify(login.challengeToken, login.code)), 'challenge-ended')
    t.equal(slugOf(await service.resend(login.challengeToken)), 'challenge-ended')
    t.equal(
      slugOf(await service.verifyConfirmation(token, confirmationToken, confirmationCode)),
      'challenge-ended'
    )
    t.equal(slugOf(await service.resendConfirmation(token, confirmationToken)), 'challenge-ended')
  })

  t.test('a new password is the same however the user types its characters', async t => {
    const { accessToken, changePassword, login } = await startApp(t)
    const composed = 'zo\u00eb and the engine'
    const decomposed = 'zoe\u0308 and the\u00a0engine'
    t.equal((await changePassword(await accessToken(), decomposed)).statusCode, 204)
    t.equal((await login({ ...ada, password: composed })).statusCode, 200)
  })

  t.test('a user may set the current password again', async t => {
    const { accessToken, changePassword, login } = await startApp(t)
    t.equal((await changePassword(await accessToken(), ada.password)).statusCode, 204)
    t.equal((await login()).statusCode, 200)
  })
})

t.test('refusals', async t => {
  t.test('a wrong current password changes nothing and costs one hash', async t => {
    const { accessToken, changePassword, login, logged } = await startApp(t)
    const token = await accessToken()
    const hashes = spyOnHashes(t)
    const response = await changePassword(token, next, 'not the password')
    t.equal(response.statusCode, 401)
    t.equal(slugOf(response), 'invalid-credentials')
    t.equal(response.headers['www-authenticate'], 'Bearer realm="sms-login"')
    t.equal(hashes.completed(), 1)
    t.match(
      logged.map(line => JSON.parse(line)).filter(({ event }) => event === 'password.rejected'),
      [{ userId: decodeJwt(token).sub }]
    )
    t.equal((await login()).statusCode, 200)
  })

  t.test('a weak new password names its field and costs no attempt and no hash', async t => {
    const { accessToken, changePassword, login } = await startApp(t, {
      limits: { passwordFailures: 1 }
    })
    const token = await accessToken()
    const hashes = spyOnHashes(t)
    for (const [weak, detail] of [
      ['', /empty/],
      ['xkcdsou', /at least 8/],
      ['x'.repeat(257), /at most 256/],
      ['\u200b'.repeat(8), /can be seen/],
      ['iloveyou1', /common/],
      ['qwertyuiopasdfghjkl', /easy to guess|common/],
      ['the ADA engine', /username/],
      ['half of one: \ud83d', /Unicode/]
    ] as const) {
      const response = await changePassword(token, weak, 'not the password')
      t.equal(response.statusCode, 400)
      t.equal(slugOf(response), 'invalid-request')
      t.match(response.json().errors, [{ pointer: '#/newPassword', detail }])
    }
    t.equal(hashes.completed(), 0)
    t.equal((await login()).statusCode, 200)
  })

  t.test('a body with other fields is refused', async t => {
    const { accessToken, app, login } = await startApp(t)
    const headers = { authorization: `Bearer ${await accessToken()}` }
    const full = { currentPassword: ada.password, newPassword: next }
    for (const payload of [
      {},
      { ...full, currentPassword: undefined },
      { ...full, newPassword: undefined },
      { ...full, newPassword: null },
      { ...full, currentPassword: [ada.password] },
      { ...full, username: 'grace' },
      { ...full, currentPassword: 'x'.repeat(257) }
    ])
      t.equal(
        slugOf(await app.inject({ method: 'POST', url: '/me/password', payload, headers })),
        'invalid-request'
      )
    t.equal((await login()).statusCode, 200)
  })

  t.test('an ended session or a disabled user changes nothing', async t => {
    const { accessToken, changePassword, login, logIn, logout, users, wait } = await startApp(t)
    const { accessToken: ended, refreshToken } = await logIn()
    await logout(refreshToken)
    t.equal(slugOf(await changePassword(ended, next)), 'invalid-token')
    wait(31)
    const disabled = await accessToken()
    await users.change({ username: 'ada' }, { disabled: true }, new Date())
    t.equal(slugOf(await changePassword(disabled, next)), 'invalid-token')
    t.equal(slugOf(await changePassword('nonsense', next)), 'invalid-token')
    await users.change({ username: 'ada' }, { disabled: false }, new Date())
    t.equal((await login()).statusCode, 200)
  })
})

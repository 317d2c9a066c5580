import { decodeJwt } from 'jose'
import t from 'tap'
import { ada, codeIn, defaultLimits, slugOf, startApp } from '../support/start-app.ts'

const next = 'another horse battery'
const limits = { passwordFailures: defaultLimits.passwordFailures }
const many = <T>(count: number, action: (n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, n) => action(n)))

t.test('guessing the password with a stolen access token', async t => {
  t.test('wrong passwords count with those of logins', async t => {
    const { accessToken, changePassword, deleteMe, login, wait } = await startApp(t, { limits })
    const token = await accessToken()
    const wrong = 'not the password'
    for (let i = 0; i < 4; i++) {
      t.equal(slugOf(await changePassword(token, next, wrong)), 'invalid-credentials')
      t.equal(slugOf(await deleteMe(token, wrong)), 'invalid-credentials')
    }
    for (let i = 0; i < 2; i++)
      t.equal(slugOf(await login({ ...ada, password: wrong })), 'invalid-credentials')
    for (const refused of [
      await changePassword(token, next),
      await deleteMe(token),
      await login()
    ]) {
      t.equal(slugOf(refused), 'too-many-attempts')
      t.match(refused.json(), { reason: 'passwords', retryAfter: 900 })
    }
    t.equal((await changePassword(token, next, ada.password, '198.51.100.7')).statusCode, 204)
    wait(900)
    t.equal((await login({ ...ada, password: next })).statusCode, 200)
  })

  t.test('a correct password refunds the attempts before it', async t => {
    const { accessToken, changePassword, login } = await startApp(t, { limits })
    const token = await accessToken()
    for (let i = 0; i < 9; i++) await changePassword(token, next, 'not the password')
    t.equal((await changePassword(token, next)).statusCode, 204)
    for (let i = 0; i < 9; i++)
      t.equal(slugOf(await login({ ...ada, password: 'wrong again' })), 'invalid-credentials')
    t.equal((await login({ ...ada, password: next })).statusCode, 200)
  })

  t.test('a burst of guesses gets only as many comparisons as the limit allows', async t => {
    const { accessToken, changePassword } = await startApp(t, { limits })
    const token = await accessToken()
    const responses = await many(40, n => changePassword(token, next, `guess number ${n}`))
    t.equal(responses.filter(response => slugOf(response) === 'invalid-credentials').length, 10)
    t.equal(responses.filter(response => slugOf(response) === 'too-many-attempts').length, 30)
  })

  t.test('a full hashing queue refuses before the password is counted', async t => {
    const { accessToken, changePassword, deleteMe, login, passwords } = await startApp(t, {
      limits: { passwordFailures: 1 },
      argon2: { concurrency: 1, queue: 0 }
    })
    const token = await accessToken()
    const release = passwords.reserveSlot()
    t.equal(slugOf(await changePassword(token, next)), 'busy')
    t.equal(slugOf(await deleteMe(token)), 'busy')
    release()
    t.equal((await login()).statusCode, 200)
  })
})

t.test('concurrent changes of the password', async t => {
  t.test('exactly one of two concurrent changes succeeds', async t => {
    const { accessToken, changePassword, login, me } = await startApp(t)
    const token = await accessToken()
    const passwords = [next, 'yet another battery']
    const responses = await Promise.all(passwords.map(password => changePassword(token, password)))
    t.same(responses.map(response => slugOf(response) ?? 'changed').sort(), [
      'changed',
      'invalid-credentials'
    ])
    const winner = passwords[responses.findIndex(({ statusCode }) => statusCode === 204)] ?? ''
    t.equal((await login({ ...ada, password: winner })).statusCode, 200)
    t.equal((await me(token)).statusCode, 200)
  })

  t.test('only one of many concurrent changes succeeds and ends the other sessions', async t => {
    const { changePassword, logIn, prisma, wait } = await startApp(t)
    const tokens: string[] = []
    for (let i = 0; i < 5; i++) {
      tokens.push((await logIn()).accessToken)
      wait(31)
    }
    const responses = await Promise.all(
      tokens.map((token, n) => changePassword(token, `${next} ${n}`))
    )
    t.equal(responses.filter(({ statusCode }) => statusCode === 204).length, 1)
    t.equal(responses.filter(response => slugOf(response) === 'invalid-token').length, 4)
    t.equal(await prisma.session.count(), 1)
  })

  t.test('a digest renewed by a login during hashing does not fail the change', async t => {
    const { accessToken, changePassword, duringHash, login, passwords, prisma } = await startApp(t)
    const token = await accessToken()
    duringHash(async () =>
      prisma.user.updateMany({ data: { passwordDigest: await passwords.hash(ada.password) } })
    )
    t.equal((await changePassword(token, next)).statusCode, 204)
    t.equal((await login({ ...ada, password: next })).statusCode, 200)
  })

  t.test('a session that ends during hashing changes and deletes nothing', async t => {
    const { changePassword, deleteMe, duringHash, logIn, login, logout, users, wait } =
      await startApp(t)
    for (const attempt of [
      (token: string) => changePassword(token, next),
      (token: string) => deleteMe(token)
    ]) {
      const { accessToken, refreshToken } = await logIn()
      duringHash(() => logout(refreshToken))
      t.equal(slugOf(await attempt(accessToken)), 'invalid-token')
      wait(31)
    }
    const { accessToken } = await logIn()
    duringHash(() => users.change({ username: 'ada' }, { disabled: true }, new Date()))
    t.equal(slugOf(await deleteMe(accessToken)), 'invalid-token')
    await users.change({ username: 'ada' }, { disabled: false }, new Date())
    t.equal((await login()).statusCode, 200)
  })
})

t.test('a change of the password during other requests', async t => {
  t.test('a login in progress with the old password sends no code', async t => {
    const { accessToken, changePassword, duringHash, login, twilio, wait } = await startApp(t)
    const token = await accessToken()
    wait(31)
    const sent = twilio.messages.length
    duringHash(() => changePassword(token, next))
    t.equal(slugOf(await login()), 'invalid-credentials')
    t.equal(twilio.messages.length, sent)
  })

  t.test('no session or login opened with the old password survives the change', async t => {
    const service = await startApp(t, { policy: { resendCooldown: 0 } })
    const { changePassword, confirm, loginAndReadCode, logIn, me, prisma, twilio } = service
    let password = ada.password
    for (let round = 0; round < 10; round++) {
      const user = { ...ada, password }
      const other = await logIn(user)
      const own = await logIn(user)
      const pending = await loginAndReadCode(user)
      const confirmation = (await confirm(own.accessToken)).json()
      const code = codeIn(twilio.messages.at(-1)?.body)
      const changed = `${next} ${round}`
      const [response, ...others] = await Promise.all([
        changePassword(own.accessToken, changed, password),
        service.verify(pending.challengeToken, pending.code),
        service.refresh(other.refreshToken),
        service.login(user),
        service.resend(pending.challengeToken),
        service.verifyConfirmation(own.accessToken, confirmation.confirmationToken, code),
        service.changeMe(own.accessToken, { locale: 'de' })
      ])
      t.equal(response.statusCode, 204)
      for (const { statusCode, body } of others) t.ok(statusCode < 500, body)
      t.same(
        await prisma.session.findMany({ select: { id: true } }),
        [{ id: decodeJwt(own.accessToken)['sid'] }],
        'only the session that changed the password is left'
      )
      t.equal((await me(own.accessToken)).statusCode, 200)
      for (const login of await prisma.challenge.findMany({ where: { consumedAt: null } }))
        t.not(login.purpose, 'login')
      password = changed
    }
  })
})

t.test('a deletion during other requests', async t => {
  t.test('only one of fifty concurrent deletions succeeds', async t => {
    const { accessToken, deleteMe, prisma } = await startApp(t)
    const token = await accessToken()
    const responses = await many(50, () => deleteMe(token))
    t.equal(responses.filter(({ statusCode }) => statusCode === 204).length, 1)
    t.equal(responses.filter(response => slugOf(response) === 'invalid-token').length, 49)
    t.equal(await prisma.user.count(), 0)
  })

  t.test('a login in progress sends no code', async t => {
    const { accessToken, deleteMe, duringHash, login, twilio, wait } = await startApp(t)
    const token = await accessToken()
    wait(31)
    const sent = twilio.messages.length
    duringHash(() => deleteMe(token))
    t.equal(slugOf(await login()), 'invalid-credentials')
    t.equal(twilio.messages.length, sent)
  })

  t.test('a deletion with a password replaced during hashing is refused', async t => {
    const { accessToken, changePassword, deleteMe, duringHash, me } = await startApp(t)
    const token = await accessToken()
    duringHash(() => changePassword(token, next))
    t.equal(slugOf(await deleteMe(token)), 'invalid-credentials')
    t.equal((await me(token)).statusCode, 200)
    t.equal((await deleteMe(token, next)).statusCode, 204)
  })

  t.test('concurrent requests fail without an internal error and leave no rows', async t => {
    const service = await startApp(t, { policy: { resendCooldown: 0 } })
    const { addUser, confirm, deleteMe, loginAndReadCode, logIn, prisma, twilio } = service
    for (let round = 0; round < 10; round++) {
      if (round > 0) await addUser(ada)
      const other = await logIn()
      const own = await logIn()
      const pending = await loginAndReadCode()
      const confirmation = (await confirm(own.accessToken)).json()
      const code = codeIn(twilio.messages.at(-1)?.body)
      const [response, ...others] = await Promise.all([
        deleteMe(own.accessToken),
        service.verify(pending.challengeToken, pending.code),
        service.refresh(other.refreshToken),
        service.login(),
        service.resend(pending.challengeToken),
        confirm(own.accessToken, {
          action: 'transfer',
          data: { amount: '1', currency: 'EUR', payee: 'Alan' }
        }),
        service.verifyConfirmation(own.accessToken, confirmation.confirmationToken, code),
        service.changeMe(own.accessToken, { locale: 'de' }),
        service.endSession(own.accessToken),
        service.me(other.accessToken)
      ])
      t.equal(response.statusCode, 204)
      for (const { statusCode, body } of others) t.ok(statusCode < 500, body)
      t.same(
        [await prisma.user.count(), await prisma.session.count(), await prisma.challenge.count()],
        [0, 0, 0]
      )
    }
  })
})

import t from 'tap'
import { ada, codeIn, slugOf, startApp } from '../support/start-app.ts'
import { spyOnHashes } from '../support/spy-on-hashes.ts'

t.test('password', async t => {
  t.test(
    'a correct password sends a code to the stored number and returns a challenge',
    async t => {
      const { login, twilio, verify } = await startApp(t)
      const response = await login()
      t.equal(response.statusCode, 200)
      t.equal(response.headers['cache-control'], 'no-store')
      const { challengeToken, ...rest } = response.json()
      t.same(rest, {
        expiresIn: 600,
        destination: '+1•••••••43',
        codeLength: 6,
        codeExpiresIn: 60,
        resendIn: 30,
        sent: true
      })
      t.match(twilio.messages, [{ to: ada.phone, validityPeriod: 60 }])
      t.equal(twilio.messages.length, 1)
      t.equal((await verify(challengeToken, twilio.lastCode() ?? '')).statusCode, 200)
    }
  )

  t.test('usernames match in any case and width, passwords only exactly', async t => {
    const { login, addUser } = await startApp(t)
    t.equal((await login({ ...ada, username: 'ADA' })).statusCode, 200)
    t.equal((await login({ ...ada, username: 'ａｄａ' })).statusCode, 200)
    for (const password of [
      ada.password.toUpperCase(),
      `${ada.password} `,
      ` ${ada.password}`,
      ada.password.slice(0, -1)
    ]) {
      t.equal(
        slugOf(await login({ ...ada, password })),
        'invalid-credentials',
        JSON.stringify(password)
      )
    }
    const unusual = {
      username: 'grace',
      phone: '+12025550144',
      password: `  nul\0 ${'🔑'.repeat(70)} end `
    }
    await addUser(unusual)
    t.equal((await login(unusual)).statusCode, 200, 'spaces, a NUL and emoji count')
    t.equal(
      slugOf(await login({ ...unusual, password: unusual.password.replace(/ $/, '') })),
      'invalid-credentials'
    )
  })

  t.test('an e-mail address of 254 characters with an apostrophe is a username', async t => {
    const { login, addUser } = await startApp(t)
    const username = `o'brien+r&d@${'x'.repeat(230)}.example.com`
    t.equal(username.length, 254)
    const user = { ...ada, username }
    await addUser(user)
    t.equal((await login({ ...user, username: username.toUpperCase() })).statusCode, 200)
    t.equal(slugOf(await login({ ...user, username: `${username}x` })), 'invalid-request')
  })

  t.test('all 256 characters of a password count, and a longer one is never hashed', async t => {
    const { login, addUser } = await startApp(t)
    const letters = Array.from({ length: 256 }, (_, n) =>
      n % 3 === 0 ? '🔑' : String.fromCharCode(97 + (n % 26))
    )
    const grace = { username: 'grace', phone: '+12025550144', password: letters.join('') }
    await addUser(grace)
    t.equal((await login(grace)).statusCode, 200)
    for (const index of [0, 64, 71, 72, 128, 255]) {
      const password = letters.with(index, '!').join('')
      t.equal(
        slugOf(await login({ ...grace, password })),
        'invalid-credentials',
        `character ${index + 1}`
      )
    }

    const hashes = spyOnHashes(t)
    t.equal(slugOf(await login({ ...grace, password: `${grace.password}x` })), 'invalid-request')
    t.equal(
      slugOf(await login({ ...grace, password: 'x'.repeat(1024 * 1024) })),
      'payload-too-large'
    )
    t.equal(hashes.completed(), 0)
  })

  t.test('a wrong password sends no message', async t => {
    const { login, twilio } = await startApp(t)
    for (const credentials of [
      { ...ada, password: 'wrong horse battery' },
      { ...ada, username: 'nobody' }
    ])
      await login(credentials)
    t.equal(twilio.requests.length, 0)
  })
})

t.test('repeated logins', async t => {
  t.test(
    'a second login within the cooldown continues the same challenge without another message',
    async t => {
      const { login, twilio, verify, wait } = await startApp(t)
      await login()
      const code = codeIn(twilio.messages.at(-1)?.body)
      wait(10)
      const second = await login()
      t.match(second.json(), { sent: false, codeExpiresIn: 50, resendIn: 20, expiresIn: 590 })
      t.equal(twilio.messages.length, 1)
      t.equal((await verify(second.json().challengeToken, code)).statusCode, 200)
    }
  )

  t.test(
    'a login after the cooldown sends a new message and ends the previous challenge',
    async t => {
      const { loginAndReadCode, verify, wait } = await startApp(t)
      const first = await loginAndReadCode()
      wait(31)
      const second = await loginAndReadCode()
      t.not(second.code, first.code)
      t.equal(slugOf(await verify(first.challengeToken, first.code)), 'challenge-ended')
      t.equal(slugOf(await verify(second.challengeToken, first.code)), 'wrong-code')
      t.equal((await verify(second.challengeToken, second.code)).statusCode, 200)
    }
  )

  t.test('a login within the cooldown sends a new message if the code has been used', async t => {
    const { loginAndReadCode, login, verify } = await startApp(t)
    const { challengeToken, code } = await loginAndReadCode()
    await verify(challengeToken, code)
    t.equal((await login()).json().sent, true)
  })

  t.test('a login within the cooldown sends a new message if the code has expired', async t => {
    const { login, wait } = await startApp(t, { policy: { codeTtl: 10, resendCooldown: 30 } })
    await login()
    wait(11)
    t.equal((await login()).json().sent, true)
  })

  t.test('concurrent logins send one message', async t => {
    const { login, twilio, verify } = await startApp(t)
    const responses = await Promise.all(Array.from({ length: 50 }, () => login()))
    t.ok(responses.every(({ statusCode }) => statusCode === 200))
    t.equal(responses.filter(response => response.json().sent).length, 1)
    t.equal(twilio.messages.length, 1)
    const last = responses[49]?.json().challengeToken
    t.equal(
      (await verify(last, codeIn(twilio.messages[0]?.body))).statusCode,
      200,
      'each of the challenge tokens accepts the code'
    )
  })

  t.test('no code equals the previous one', async t => {
    const { login, twilio } = await startApp(t, { policy: { resendCooldown: 0 } })
    for (let i = 0; i < 50; i++) await login()
    const codes = twilio.messages.map(({ body }) => codeIn(body))
    t.equal(codes.length, 50)
    t.notOk(codes.some((code, i) => code === codes[i - 1]))
  })
})

import t from 'tap'
import {
  ada,
  codeIn,
  defaultLimits,
  differentCode,
  slugOf,
  startApp,
  transfer
} from '../support/start-app.ts'
import { respondLate, acceptThenFail, reject, respondFailed } from '../support/twilio-stand-in.ts'

const { messagesPerPhoneHour, messagesPerPhoneDay } = defaultLimits
const grace = { username: 'grace', password: 'anchors aweigh', phone: '+12025550144' }
const address = (n: number) => `198.51.${(n >> 8) & 255}.${n & 255}`

t.test('limits of a number', async t => {
  t.test('fifty concurrent logins or resends send one message', async t => {
    const { login, resend, wait, twilio } = await startApp(t, {
      limits: {
        messagesPerPhoneHour,
        messagesPerPhoneDay
      },
      argon2: { queue: 64 }
    })
    const logins = await Promise.all(Array.from({ length: 50 }, (_, n) => login(ada, address(n))))
    t.equal(twilio.messages.length, 1)
    t.same(logins.map(response => response.json().sent).sort(), [
      ...Array.from({ length: 49 }, () => false),
      true
    ])
    wait(31)
    const { challengeToken } = logins[0]?.json()
    const resends = await Promise.all(
      Array.from({ length: 50 }, (_, n) => resend(challengeToken, address(n)))
    )
    t.equal(twilio.messages.length, 2)
    t.equal(resends.filter(({ statusCode }) => statusCode === 200).length, 1)
    t.equal(resends.filter(response => slugOf(response) === 'resend-too-soon').length, 49)
  })

  t.test('a number gets six messages an hour over logins, resends and addresses', async t => {
    const { login, resend, verify, wait, twilio } = await startApp(t, {
      limits: { messagesPerPhoneHour }
    })
    for (let n = 0; n < 3; n++) {
      const { challengeToken } = (await login(ada, address(n))).json()
      wait(31)
      t.equal((await resend(challengeToken, address(n + 100))).statusCode, 200)
      wait(31)
    }
    t.equal(twilio.messages.length, 6)
    const refused = await login(ada, '203.0.113.9')
    t.match(refused.json(), { status: 429, type: /too-many-texts$/, retryAfter: 3600 - 6 * 31 })
    t.equal(refused.headers['retry-after'], String(3600 - 6 * 31))
    t.equal(twilio.messages.length, 6)
    wait(3600 - 6 * 31)
    const { challengeToken } = (await login()).json()
    t.equal(twilio.messages.length, 7)
    t.equal((await verify(challengeToken, codeIn(twilio.messages.at(-1)?.body))).statusCode, 200)
  })

  t.test('a number gets twenty messages a day', async t => {
    const { login, wait, twilio } = await startApp(t, {
      limits: {
        messagesPerPhoneHour,
        messagesPerPhoneDay
      }
    })
    for (let seconds = 0; seconds < 86_400; seconds += 2400) {
      await login()
      wait(2400)
    }
    t.equal(twilio.messages.length, 20)
    t.equal((await login()).statusCode, 200, 'a new day')
  })

  t.test('accounts that share a number share its hourly message limit', async t => {
    const { login, addUser, twilio } = await startApp(t, {
      limits: { messagesPerPhoneHour }
    })
    const users = Array.from({ length: 10 }, (_, n) => ({ ...ada, username: `ada-${n}` }))
    for (const user of users) await addUser(user)
    const responses = await Promise.all(users.map((user, n) => login(user, address(n))))
    t.equal(responses.filter(({ statusCode }) => statusCode === 200).length, 6)
    t.equal(responses.filter(response => slugOf(response) === 'too-many-texts').length, 4)
    t.equal(twilio.messages.length, 6)
  })

  t.test('accounts that share a number share its daily message limit', async t => {
    const { login, addUser, wait } = await startApp(t, { limits: { messagesPerPhoneDay: 1 } })
    await addUser({ ...grace, phone: ada.phone })
    t.equal((await login()).statusCode, 200)
    wait(3600)
    t.match((await login(grace)).json(), { type: /too-many-texts$/, retryAfter: 86_400 - 3600 })
  })

  for (const [limits, seconds] of [
    [{ messagesPerPhoneHour: 7 }, 3600],
    [{ messagesPerPhoneDay: 7 }, 86_400]
  ] as const) {
    const policy = { resendCooldown: 0 }
    const order = (n: number) => ({ ...transfer, reference: `order-${n}` })

    t.test(`accounts that share a number share its confirmation limit of ${seconds} s`, async t => {
      const { accessToken, addUser, confirm, wait } = await startApp(t, { limits, policy })
      const shares = { ...grace, phone: ada.phone }
      await addUser(shares)
      const tokens = [await accessToken(), await accessToken(shares)] as const
      for (let n = 0; n < 3; n++)
        t.equal((await confirm(tokens[n === 0 ? 0 : 1], order(n))).statusCode, 201)
      t.equal(slugOf(await confirm(tokens[0], order(3))), 'too-many-texts')
      wait(seconds - 1)
      const later = await accessToken()
      t.equal(slugOf(await confirm(later, order(4))), 'too-many-texts')
      wait(1)
      t.equal((await confirm(later, order(5))).statusCode, 201)
    })

    t.test(
      `an account that changes its number keeps its count of confirmations for ${seconds} s`,
      async t => {
        const { accessToken, confirm, users, wait } = await startApp(t, { limits, policy })
        const moved = { ...ada, phone: '+12025550199' }
        const token = await accessToken()
        for (let n = 0; n < 3; n++) t.equal((await confirm(token, order(n))).statusCode, 201)
        await users.change({ username: ada.username }, { phone: moved.phone }, new Date())
        t.equal(slugOf(await confirm(await accessToken(moved), order(3))), 'too-many-texts')
        wait(seconds - 1)
        const later = await accessToken(moved)
        t.equal(slugOf(await confirm(later, order(4))), 'too-many-texts')
        wait(1)
        t.equal((await confirm(later, order(5))).statusCode, 201)
      }
    )
  }
})

t.test('limits of an account', async t => {
  t.test('an account that changes its number keeps its hourly count of messages', async t => {
    const { login, users, wait } = await startApp(t, { limits: { messagesPerPhoneHour: 1 } })
    t.equal((await login()).statusCode, 200)
    await users.change({ username: ada.username }, { phone: '+12025550199' }, new Date())
    wait(31)
    t.equal(slugOf(await login()), 'too-many-texts')
  })

  t.test('an account that changes its number keeps its daily count of messages', async t => {
    const { login, users, wait } = await startApp(t, { limits: { messagesPerPhoneDay: 1 } })
    t.equal((await login()).statusCode, 200)
    await users.change({ username: ada.username }, { phone: '+12025550199' }, new Date())
    wait(3600)
    t.match((await login()).json(), { type: /too-many-texts$/, retryAfter: 86_400 - 3600 })
  })
})

t.test('limits of addresses and countries', async t => {
  for (const [scope, limits] of Object.entries({
    'one address': { messagesPerNetworkHour: 2 },
    'one country': { messagesPerCountryHour: 2 },
    'all users': { messagesPerHour: 2 }
  })) {
    t.test(`messages are limited for ${scope}, and a refused one does not count`, async t => {
      const { login, addUser, wait, twilio, prisma } = await startApp(t, {
        limits: { ...limits, messagesPerPhoneHour }
      })
      await addUser(grace)
      await addUser({ ...grace, username: 'jean', phone: '+12025550145' })
      t.equal((await login()).statusCode, 200)
      t.equal((await login(grace)).statusCode, 200)
      const before = await prisma.rateLimit.findMany({
        where: { count: { gt: 0 } },
        orderBy: { key: 'asc' }
      })
      const refused = await login({ ...grace, username: 'jean' })
      t.match(refused.json(), { status: 429, type: /too-many-texts$/, retryAfter: 3600 })
      t.same(
        await prisma.rateLimit.findMany({ where: { count: { gt: 0 } }, orderBy: { key: 'asc' } }),
        before
      )
      t.equal(twilio.messages.length, 2)
      wait(3600)
      t.equal((await login({ ...grace, username: 'jean' })).statusCode, 200)
    })
  }

  t.test('another address and another country have separate limits', async t => {
    const { login, addUser } = await startApp(t, {
      limits: { messagesPerNetworkHour: 1, messagesPerCountryHour: 1 }
    })
    await addUser({ ...grace, phone: '+447400123456' })
    t.equal((await login()).statusCode, 200)
    t.equal((await login(grace, '198.51.100.7')).statusCode, 200)
  })

  t.test('an IPv6 /48 may cause the messages of four networks', async t => {
    const { login, addUser, twilio } = await startApp(t, { limits: { messagesPerNetworkHour: 1 } })
    for (let n = 0; n < 6; n++) {
      await addUser({ ...grace, username: `grace-${n}`, phone: `+1202555015${n}` })
      await login({ ...grace, username: `grace-${n}` }, `2001:db8:7:${n}00::1`)
    }
    t.equal(twilio.messages.length, 4)
  })
})

t.test('failed messages', async t => {
  t.test('a confirmation that Twilio refused does not count', async t => {
    const { accessToken, confirm, twilio } = await startApp(t, {
      limits: { messagesPerPhoneHour: 2, messagesPerPhoneDay: 2 }
    })
    const token = await accessToken()
    for (let n = 0; n < 3; n++) {
      twilio.failNext(reject(429, 20429))
      t.equal(slugOf(await confirm(token)), 'sms-unavailable')
    }
    t.equal((await confirm(token)).statusCode, 201)
  })

  t.test('a message that Twilio refused does not count unless it may have been sent', async t => {
    const { login, twilio } = await startApp(t, { limits: { messagesPerPhoneHour: 2 } })
    for (let i = 0; i < 5; i++) {
      twilio.failNext(reject(429, 20429))
      t.equal(slugOf(await login()), 'sms-unavailable')
    }
    for (let i = 0; i < 2; i++) {
      twilio.failNext(acceptThenFail(500))
      t.equal(slugOf(await login()), 'sms-unavailable', 'no cooldown starts')
    }
    t.equal(slugOf(await login()), 'too-many-texts')
    t.equal(twilio.messages.length, 2)
  })

  for (const [problem, failure, seconds, requests = 10] of [
    ['has unsubscribed (21610)', reject(400, 21610), 86_400, 90],
    ['has unsubscribed, reported in the message (30004)', respondFailed(30004), 86_400],
    ['cannot receive messages (21614)', reject(400, 21614), 86_400],
    ['is a landline (21635)', reject(400, 21635), 86_400],
    ['is a landline, reported in the message (30006)', respondFailed(30006), 86_400],
    ['is invalid (21211)', reject(400, 21211), 86_400],
    ['is in a region without permission (21408)', reject(403, 21408), 900],
    ['has no route (21612)', reject(400, 21612), 900]
  ] as const) {
    t.test(`one of ${requests} requests for a number that ${problem} reaches Twilio`, async t => {
      const { addUser, login, users, wait, twilio } = await startApp(t, {
        limits: {
          messagesPerPhoneHour: 2,
          messagesPerPhoneDay: 2,
          messagesPerNetworkHour: 2,
          messagesPerCountryHour: 2,
          messagesPerHour: 2
        }
      })
      await addUser({ ...ada, username: 'shares-the-number' })
      twilio.failNext(failure)
      for (let n = 0; n < requests; n++)
        t.equal(
          slugOf(
            await login(n % 2 === 0 ? ada : { ...ada, username: 'shares-the-number' }, address(n))
          ),
          'sms-undeliverable'
        )
      t.equal(twilio.requests.length, 1)

      wait(seconds - 1)
      t.equal(slugOf(await login()), 'sms-undeliverable')
      t.equal(twilio.requests.length, 1)
      await users.change({ username: ada.username }, { phone: '+12025550199' }, new Date())
      t.equal((await login()).statusCode, 200, 'a new number gets a message')
      wait(3600)
      t.equal((await login({ ...ada, username: 'shares-the-number' })).statusCode, 200)
    })
  }

  t.test('an undeliverable number gets no resend and no confirmation', async t => {
    const { confirm, login, logIn, resend, wait, twilio } = await startApp(t)
    const { accessToken } = await logIn()
    wait(31)
    const { challengeToken } = (await login()).json()
    wait(31)
    twilio.failNext(reject(400, 21610))
    t.equal(slugOf(await resend(challengeToken)), 'sms-undeliverable')
    const before = twilio.requests.length
    t.equal(slugOf(await resend(challengeToken)), 'sms-undeliverable')
    t.equal(slugOf(await confirm(accessToken)), 'sms-undeliverable')
    t.equal(slugOf(await login()), 'sms-undeliverable')
    t.equal(twilio.requests.length, before)
  })

  t.test('one of thirty concurrent logins to an undeliverable number reaches Twilio', async t => {
    const { login, twilio } = await startApp(t)
    twilio.failNext(reject(400, 21610), reject(400, 21610), reject(400, 21610))
    const responses = await Promise.all(
      Array.from({ length: 30 }, (_, n) => login(ada, address(n)))
    )
    t.equal(twilio.requests.length, 1)
    for (const response of responses)
      t.ok(slugOf(response) === 'sms-undeliverable' || response.json().sent === false)
  })

  for (const [scope, limits] of Object.entries({
    'the network': { messagesPerNetworkHour: 2 },
    'the country': { messagesPerCountryHour: 2 },
    'all users': { messagesPerHour: 2 }
  })) {
    t.test(`a message that Twilio refused still counts for ${scope}`, async t => {
      const { login, addUser, twilio } = await startApp(t, { limits })
      await addUser(grace)
      twilio.failNext(reject(429, 20429), reject(400, 21610))
      t.equal(slugOf(await login()), 'sms-unavailable')
      t.equal(slugOf(await login(grace)), 'sms-undeliverable')
      for (let n = 0; n < 5; n++) t.equal(slugOf(await login()), 'too-many-texts')
      t.equal(twilio.requests.length, 2)
    })
  }
})

t.test('refused requests', async t => {
  t.test('a login or resend refused by a limit leaves the sent code valid', async t => {
    for (const again of ['login', 'resend'] as const) {
      const { loginAndReadCode, login, resend, verify, wait } = await startApp(t, {
        limits: { messagesPerHour: 1 },
        policy: { resendCooldown: 10 }
      })
      const { challengeToken, code } = await loginAndReadCode()
      await verify(challengeToken, differentCode(code))
      wait(11)
      for (let i = 0; i < 3; i++)
        t.equal(
          slugOf(await (again === 'login' ? login() : resend(challengeToken))),
          'too-many-texts'
        )
      t.equal(
        (await verify(challengeToken, differentCode(code))).json().attemptsRemaining,
        3,
        again
      )
      t.equal((await verify(challengeToken, code)).statusCode, 200, again)
      t.equal(slugOf(await login()), 'too-many-texts')
      t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended', 'the code was used')
    }
  })

  t.test('a login refused by a limit leaves no code to guess and no cooldown', async t => {
    const { clock, login, users, wait, twilio, prisma } = await startApp(t, {
      limits: { messagesPerHour: 1 }
    })
    await login()
    wait(61)
    t.equal(slugOf(await login()), 'too-many-texts')
    t.equal(slugOf(await login()), 'too-many-texts', 'no cooldown starts')
    const [challenge] = await prisma.challenge.findMany()
    t.ok(challenge && challenge.codeExpiresAt <= clock() && challenge.resendAt <= clock())
    wait(3600)
    twilio.failNext(respondLate(50))
    t.match((await login()).json(), { sent: true })
    t.match(await users.find({ username: 'ada' }), { codeFailures: 0 })
  })
})

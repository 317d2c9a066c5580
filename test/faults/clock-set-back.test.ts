import { randomBytes } from 'node:crypto'
import t from 'tap'
import { capDeadlines, deadlineGuard } from '../../src/adapters/stores/cap-deadlines.ts'
import { readConfig } from '../../src/config/config.ts'
import {
  ada,
  codeIn,
  defaultLimits,
  differentCode,
  slugOf,
  startApp
} from '../support/start-app.ts'

const hour = 3600
const day = 24 * hour
const year = 365 * day

const wrong = { ...ada, password: 'wrong horse battery' }

t.test('rate limits', async t => {
  for (const ahead of [hour, year]) {
    for (const elsewhere of [false, true]) {
      const where = elsewhere ? 'another instance' : 'the same instance'
      t.test(
        `a rate limit exhausted ${ahead} s ahead ends within its window on ${where}`,
        async t => {
          const secrets = [randomBytes(32)] as const
          const one = await startApp(t, { secrets, limits: { requests: 2 } })
          one.wait(ahead)
          for (let i = 0; i < 3; i++) await one.login(wrong)
          one.wait(-ahead)
          const { database, clock } = one
          const { login } = elsewhere
            ? await startApp(t, {
                secrets,
                database,
                clock,
                withoutUsers: true,
                limits: { requests: 2 }
              })
            : one
          const refused = await login(wrong)
          t.equal(slugOf(refused), 'too-many-attempts')
          t.equal(refused.headers['retry-after'], '60')
          one.wait(59)
          t.equal(slugOf(await login(wrong)), 'too-many-attempts', 'the limit still applies')
          one.wait(1)
          t.equal(slugOf(await login(wrong)), 'invalid-credentials')
        }
      )
    }

    t.test(`a rate limit half used ${ahead} s ahead keeps its count`, async t => {
      const { login, wait } = await startApp(t, { limits: { requests: 2 } })
      wait(ahead)
      await login(wrong)
      wait(-ahead)
      t.equal(slugOf(await login(wrong)), 'invalid-credentials')
      t.equal((await login(wrong)).headers['retry-after'], '60')
      wait(60)
      t.equal(slugOf(await login(wrong)), 'invalid-credentials')
    })

    t.test(`message limits exhausted ${ahead} s ahead end within an hour and a day`, async t => {
      for (const [limits, seconds] of [
        [{ messagesPerPhoneHour: 1 }, hour],
        [{ messagesPerPhoneDay: 1 }, day],
        [{ messagesPerNetworkHour: 1 }, hour],
        [{ messagesPerCountryHour: 1 }, hour],
        [{ messagesPerHour: 1 }, hour]
      ] as const) {
        const { logIn, login, wait } = await startApp(t, { limits })
        wait(ahead)
        await logIn()
        wait(-ahead)
        const refused = await login()
        t.equal(slugOf(refused), 'too-many-texts', JSON.stringify(limits))
        t.equal(refused.headers['retry-after'], String(seconds))
        wait(seconds)
        t.equal((await login()).statusCode, 200)
      }
    })

    t.test(`wrong passwords counted ${ahead} s ahead expire in 15 minutes`, async t => {
      const { login, wait } = await startApp(t, { limits: { passwordFailures: 3 } })
      wait(ahead)
      for (let i = 0; i < 3; i++) await login(wrong)
      wait(-ahead)
      const refused = await login()
      t.equal(slugOf(refused), 'too-many-attempts')
      t.equal(refused.headers['retry-after'], '900')
      wait(900)
      t.equal((await login()).statusCode, 200)
    })
  }

  t.test('checking a username under attack does not shorten its longer window', async t => {
    const { login, wait } = await startApp(t, { limits: { passwordFailures: 1 } })
    const networks = Array.from({ length: 160 }, (_, i) => `198.51.100.${i}`)
    for (const from of networks) await login(wrong, from)
    for (let i = 0; i < 5; i++) {
      wait(900)
      await login(wrong)
    }
    t.ok(Number((await login(wrong)).headers['retry-after']) > 900)
  })
})

t.test('logins, sessions and paused countries', async t => {
  for (const ahead of [hour, year]) {
    t.test(
      `a login started ${ahead} s ahead has ended and the next login has its own lifetimes`,
      async t => {
        const { loginAndReadCode, login, resend, twilio, verify, wait } = await startApp(t)
        wait(ahead)
        const { challengeToken, code } = await loginAndReadCode()
        wait(-ahead)
        t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
        t.equal(slugOf(await resend(challengeToken)), 'challenge-ended')
        const next = (await login()).json()
        t.match(next, { sent: true, expiresIn: 600, codeExpiresIn: 60, resendIn: 30 })
        const nextCode = codeIn(twilio.messagesTo(ada.phone).at(-1)?.body)
        t.equal((await verify(next.challengeToken, nextCode)).statusCode, 200)
      }
    )

    for (const seconds of [61, ahead + 30]) {
      t.test(`a code sent ${ahead} s ahead does not work after ${seconds} s`, async t => {
        const { loginAndReadCode, verify, wait } = await startApp(t, {
          policy: { challengeTtl: 600 }
        })
        wait(ahead)
        const { challengeToken, code } = await loginAndReadCode()
        wait(-ahead)
        await verify(challengeToken, differentCode(code))
        wait(seconds)
        t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
      })
    }

    t.test(
      `an account locked ${ahead} s ahead unlocks after the length of its lockout`,
      async t => {
        const { loginAndReadCode, login, resend, verify, wait } = await startApp(t, {
          limits: { codeFailures: 5 }
        })
        wait(ahead)
        const { challengeToken, code } = await loginAndReadCode()
        for (let i = 0; i < 5; i++) await verify(challengeToken, differentCode(code))
        wait(-ahead)
        const refused = await login()
        t.equal(slugOf(refused), 'too-many-attempts')
        t.equal(refused.headers['retry-after'], '900')
        wait(899)
        t.equal(slugOf(await login()), 'too-many-attempts')
        t.ok(
          ['too-many-attempts', 'challenge-ended'].includes(
            String(slugOf(await resend(challengeToken)))
          )
        )
        wait(1)
        t.equal((await login()).statusCode, 200)
      }
    )

    t.test(
      `confirmations locked ${ahead} s ahead unlock after the length of the lockout`,
      async t => {
        const { accessToken, confirm, verifyConfirmation, twilio, wait } = await startApp(t, {
          limits: { codeFailures: 5 },
          policy: { confirmationMaxAge: 3600 },
          accessTokenTtl: 3600
        })
        wait(ahead)
        const early = await accessToken()
        const { confirmationToken } = (await confirm(early)).json()
        const wrongCode = differentCode(codeIn(twilio.messages.at(-1)?.body))
        for (let i = 0; i < 5; i++) await verifyConfirmation(early, confirmationToken, wrongCode)
        wait(-ahead)
        const token = await accessToken()
        t.equal((await confirm(token)).headers['retry-after'], '900')
        wait(899)
        t.equal(slugOf(await confirm(token)), 'too-many-attempts')
        wait(1)
        t.equal((await confirm(token)).statusCode, 201)
      }
    )

    t.test(`a session opened ${ahead} s ahead lives no longer than any other`, async t => {
      const { logIn, me, refresh, wait } = await startApp(t)
      wait(ahead)
      const { accessToken, refreshToken } = await logIn()
      const idle = await logIn()
      wait(-ahead)
      t.equal((await me(accessToken)).statusCode, 200)
      const lost = (await refresh(refreshToken)).json()
      t.match(lost, { expiresIn: 900, refreshExpiresIn: 3600 })
      t.match((await refresh(refreshToken)).json(), { refreshExpiresIn: 3600 })
      let newest = lost.refreshToken
      for (let i = 0; i < 24; i++) {
        wait(3599)
        newest = (await refresh(newest)).json().refreshToken
      }
      wait(24)
      t.equal(slugOf(await refresh(newest)), 'session-ended', 'a day later')
      t.equal(slugOf(await refresh(idle.refreshToken)), 'session-ended')
    })

    t.test(`the grace period of a refresh token used ${ahead} s ahead is not extended`, async t => {
      const { logIn, refresh, wait } = await startApp(t)
      wait(ahead)
      const { refreshToken } = await logIn()
      t.equal((await refresh(refreshToken)).statusCode, 200)
      wait(-ahead)
      wait(31)
      t.equal(slugOf(await refresh(refreshToken)), 'session-ended')
    })

    t.test(`a login ${ahead} s ahead does not confirm`, async t => {
      const { accessToken, confirm, wait } = await startApp(t)
      wait(ahead)
      const token = await accessToken()
      wait(-ahead)
      t.equal(slugOf(await confirm(token)), 'reauthentication-required')
    })

    t.test(`a country paused ${ahead} s ahead gets messages again after the pause`, async t => {
      const conversion = { floor: 10, volume: 20, pause: 900 }
      const { addUser, countryTraffic, clock, login, wait } = await startApp(t, {
        policy: { conversion }
      })
      const grace = { ...ada, username: 'grace' }
      await addUser(grace)
      wait(ahead)
      for (let i = 0; i < 20; i++) countryTraffic.recordSent('US', clock())
      wait(61)
      t.equal(slugOf(await login()), 'too-many-texts')
      wait(-61 - ahead)
      const refused = await login(grace)
      t.equal(slugOf(refused), 'too-many-texts')
      t.equal(refused.headers['retry-after'], '900')
      wait(899)
      t.equal(slugOf(await login(grace)), 'too-many-texts')
      wait(1)
      t.equal((await login(grace)).statusCode, 200)
    })
  }

  t.test('a code resent ahead has expired and the next one may be sent at once', async t => {
    const { loginAndReadCode, resend, twilio, verify, wait } = await startApp(t)
    const { challengeToken } = await loginAndReadCode()
    wait(400)
    t.equal((await resend(challengeToken)).statusCode, 200)
    wait(-400)
    const code = codeIn(twilio.messages.at(-1)?.body)
    t.equal(slugOf(await verify(challengeToken, code)), 'code-expired')
    t.match((await resend(challengeToken)).json(), { codeExpiresIn: 60, resendIn: 30 })
  })
})

t.test('stored deadlines', async t => {
  t.test('setting the clock back by seconds changes only remaining times', async t => {
    const { login, twilio, verify, wait } = await startApp(t, { limits: defaultLimits })
    wait(2)
    const { challengeToken } = (await login()).json()
    wait(-2)
    t.match((await login()).json(), {
      sent: false,
      expiresIn: 600,
      codeExpiresIn: 60,
      resendIn: 30
    })
    t.equal((await verify(challengeToken, codeIn(twilio.messages.at(-1)?.body))).statusCode, 200)
  })

  t.test('setting the clock back shortens all stored deadlines without a request', async t => {
    const { loginAndReadCode, clock, database, logIn, prisma, refresh, verify, wait } =
      await startApp(t, {
        limits: { ...defaultLimits, codeFailures: 1 }
      })
    const { policy } = readConfig({})
    const guard = deadlineGuard(prisma, policy)
    await guard(clock())
    wait(year)
    await guard(clock())
    const { refreshToken } = await logIn()
    wait(30)
    const { challengeToken, code } = await loginAndReadCode()
    await verify(challengeToken, differentCode(code))
    wait(-year)
    await guard(clock())
    const latest = async () => {
      const [row] = await prisma.$queryRaw<Record<string, Date>[]>`
      SELECT
        (SELECT max(code_locked_until) FROM users) AS locked,
        (SELECT max(resets_at) FROM rate_limits) AS window,
        (SELECT max(greatest(expires_at, code_expires_at, resend_at))
          FROM challenges) AS challenge,
        (SELECT max(idle_expires_at) FROM sessions) AS idle,
        (SELECT max(expires_at) FROM sessions) AS session`
      return Object.fromEntries(
        Object.entries(row ?? {}).map(([name, time]) => [
          name,
          (time.getTime() - clock().getTime()) / 1000
        ])
      )
    }
    t.same(await latest(), {
      locked: 86400,
      window: 86400,
      challenge: 0,
      idle: 3600,
      session: 86400
    })
    wait(3600)
    await guard(clock())
    t.equal(slugOf(await refresh(refreshToken)), 'session-ended')
    await capDeadlines(database.prisma, policy, clock())
    t.match(await latest(), { session: 82800 }, 'an earlier deadline is not changed')
  })

  t.test('a process that starts after the clock was set back shortens all deadlines', async t => {
    const { accessToken, clock, confirm, prisma, twilio, verifyConfirmation, wait } =
      await startApp(t, {
        limits: { codeFailures: 1 }
      })
    wait(year)
    const token = await accessToken()
    const { confirmationToken } = (await confirm(token)).json()
    await verifyConfirmation(token, confirmationToken, differentCode(twilio.lastCode()))
    wait(-year)
    await deadlineGuard(prisma, readConfig({}).policy)(clock())
    const inADay = new Date(clock().getTime() + day * 1000)
    const select = { confirmationsLockedUntil: true }
    t.same(await prisma.user.findMany({ select }), [{ confirmationsLockedUntil: inADay }])
    t.same(await prisma.session.findMany({ select: { expiresAt: true } }), [{ expiresAt: inADay }])
  })
})

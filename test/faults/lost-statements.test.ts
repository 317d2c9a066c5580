import t from 'tap'
import { createPasswords } from '../../src/adapters/secrets/passwords.ts'
import { needsServer } from '../support/database.ts'
import type { Loss } from '../support/database-proxy.ts'
import { ada, differentCode, slugOf, transfer } from '../support/start-app.ts'
import { startBehindProxy } from '../support/start-behind-proxy.ts'

const readLogin = /FROM users u\s+LEFT JOIN challenges/
const storeChallenge = /INSERT INTO challenges/
const replaceChallenge = /UPDATE challenges\s+SET \(/
const readResend = /FROM challenges c\s+JOIN users u/
const readUser = /FROM sessions s\s+JOIN users u/
const replaceDigest = /UPDATE "public"\."users" SET "password_digest"/
const useAttempt = /UPDATE challenges\s+SET attempts_left/
const consume = /UPDATE challenges\s+SET consumed_at/
const rollBack = /rolled_back AS/
const renewCode = /UPDATE challenges\s+SET\s+code_hash/
const rotate = /UPDATE sessions\s+SET\s+token_hash/
const readSession = /u\.claims\s+FROM sessions s\s/
const endSession = /DELETE FROM sessions/
const voidCode = /UPDATE (?:"public"\."challenges"|challenges)\s+SET\s+"?code_expires_at/
const losses: Loss[] = ['lost', 'unacknowledged']

t.test('logins and resends', async t => {
  for (const loss of losses) {
    for (const [name, statement] of [
      ['query', readLogin],
      ['insert', storeChallenge]
    ] as const) {
      t.test(
        `a login whose ${name} is ${loss} sends nothing, and the next sends one valid code`,
        { skip: needsServer },
        async t => {
          const { loginAndReadCode, failures, login, proxy, twilio, verify } =
            await startBehindProxy(t)
          proxy.lose(statement, loss)
          const response = await login()
          t.notOk(proxy.isWaiting())
          t.equal(slugOf(response), 'database-unavailable')
          t.equal(response.headers['retry-after'], '5')
          t.match(failures(), [
            { level: 50, reason: 'disconnected', reqId: response.json().instance }
          ])
          t.equal(failures().length, 1)
          t.equal(twilio.requests.length, 0)

          const { challengeToken, code } = await loginAndReadCode()
          t.equal(twilio.messages.length, 1)
          t.equal((await verify(challengeToken, differentCode(code))).json().attemptsRemaining, 4)
          const responses = await Promise.all([1, 2, 3].map(() => verify(challengeToken, code)))
          t.equal(responses.filter(({ statusCode }) => statusCode === 200).length, 1)
        }
      )
    }

    // Every statement with limits has the same text. The key of a row is sent with it.
    for (const [name, limits, statement] of [
      ['attempt', { passwordFailures: 10 }, /password\.here:/],
      ['message', { messagesPerPhoneHour: 3 }, /sms\.phone-hour:/]
    ] as const) {
      t.test(
        `a login whose ${name} limit is ${loss} sends nothing, and the next sends at once`,
        { skip: needsServer },
        async t => {
          const { loginAndReadCode, login, proxy, twilio, verify } = await startBehindProxy(t, {
            limits
          })
          proxy.lose(statement, loss)
          t.equal(slugOf(await login()), 'database-unavailable')
          t.notOk(proxy.isWaiting())
          t.equal(twilio.requests.length, 0)
          const { challengeToken, code } = await loginAndReadCode()
          t.equal(twilio.messages.length, 1)
          t.equal((await verify(challengeToken, code)).statusCode, 200)
        }
      )
    }

    t.test(
      `a login whose replacement of a challenge is ${loss} sends nothing, and the next sends one`,
      { skip: needsServer },
      async t => {
        const { loginAndReadCode, login, proxy, twilio, verify, wait } = await startBehindProxy(t)
        await login()
        wait(31)
        proxy.lose(replaceChallenge, loss)
        t.equal(slugOf(await login()), 'database-unavailable')
        t.notOk(proxy.isWaiting())
        t.equal(twilio.messages.length, 1)
        const { challengeToken, code } = await loginAndReadCode()
        t.equal(twilio.messages.length, 2)
        t.equal((await verify(challengeToken, code)).statusCode, 200)
      }
    )

    t.test(
      `a login whose new digest is ${loss} sends nothing, and the next uses either digest`,
      { skip: needsServer },
      async t => {
        const { loginAndReadCode, login, prisma, proxy, twilio, verify } = await startBehindProxy(
          t,
          {
            argon2: { time: 2 }
          }
        )
        const cheaper = createPasswords({
          memoryKib: 1024,
          time: 1,
          concurrency: 1,
          queue: 1
        })
        await prisma.user.updateMany({ data: { passwordDigest: await cheaper.hash(ada.password) } })
        proxy.lose(replaceDigest, loss)
        t.equal(slugOf(await login()), 'database-unavailable')
        t.notOk(proxy.isWaiting())
        t.equal(twilio.requests.length, 0)
        const { challengeToken, code } = await loginAndReadCode()
        t.equal((await verify(challengeToken, code)).statusCode, 200)
      }
    )

    t.test(
      `a resend whose query of the challenge is ${loss} changes nothing and may be repeated`,
      { skip: needsServer },
      async t => {
        const { loginAndReadCode, proxy, resend, twilio, verify, wait } = await startBehindProxy(t)
        const { challengeToken, code } = await loginAndReadCode()
        wait(31)
        proxy.lose(readResend, loss)
        t.equal(slugOf(await resend(challengeToken)), 'database-unavailable')
        t.notOk(proxy.isWaiting())
        t.equal(twilio.messages.length, 1)
        t.equal((await resend(challengeToken)).json().sent, true)
        t.equal(
          (await verify(challengeToken, differentCode(twilio.lastCode()))).json().attemptsRemaining,
          4
        )
        t.not(twilio.lastCode(), code)
        t.equal((await verify(challengeToken, twilio.lastCode())).statusCode, 200)
      }
    )
  }
})

t.test('new codes of resends', async t => {
  for (const loss of losses) {
    t.test(
      `a refused resend whose refund is ${loss} leaves the old code valid`,
      { skip: needsServer },
      async t => {
        const { loginAndReadCode, proxy, resend, twilio, verify, wait } = await startBehindProxy(
          t,
          {
            limits: { messagesPerHour: 1, messagesPerPhoneHour: 6 }
          }
        )
        const { challengeToken, code } = await loginAndReadCode()
        wait(31)
        proxy.lose(rollBack, loss)
        t.equal(slugOf(await resend(challengeToken)), 'database-unavailable')
        t.notOk(proxy.isWaiting())
        t.equal(slugOf(await resend(challengeToken)), 'too-many-texts')
        t.equal(twilio.messages.length, 1)
        t.equal((await verify(challengeToken, code)).statusCode, 200)
      }
    )
  }

  t.test(
    'a resend whose new code is never stored leaves the old code valid',
    { skip: needsServer },
    async t => {
      const { loginAndReadCode, proxy, resend, twilio, verify, wait } = await startBehindProxy(t)
      const { challengeToken, code } = await loginAndReadCode()
      wait(31)
      proxy.lose(renewCode, 'lost')
      t.equal(slugOf(await resend(challengeToken)), 'database-unavailable')
      t.equal(twilio.messages.length, 1)
      t.equal((await verify(challengeToken, code)).statusCode, 200)
    }
  )

  t.test(
    'a resend whose new code is stored but not acknowledged voids it and may be repeated',
    { skip: needsServer },
    async t => {
      const { loginAndReadCode, failures, proxy, resend, twilio, verify, wait } =
        await startBehindProxy(t)
      const { challengeToken, code } = await loginAndReadCode()
      wait(31)
      proxy.lose(renewCode, 'unacknowledged')
      t.equal(slugOf(await resend(challengeToken)), 'database-unavailable')
      t.equal(failures().length, 1)
      t.equal(twilio.messages.length, 1)
      t.equal(slugOf(await verify(challengeToken, code)), 'code-expired')
      t.equal((await resend(challengeToken)).json().sent, true)
      t.equal(
        (await verify(challengeToken, differentCode(twilio.lastCode()))).json().attemptsRemaining,
        4
      )
      t.equal((await verify(challengeToken, twilio.lastCode())).statusCode, 200)
    }
  )

  t.test(
    'a message failure during a database failure is reported, and both are logged',
    { skip: needsServer },
    async t => {
      const { failures, login, logged, proxy, twilio } = await startBehindProxy(t)
      proxy.lose(voidCode, 'unacknowledged')
      twilio.failNext(({ fail }) => fail(500, null))
      t.equal(slugOf(await login()), 'sms-unavailable')
      t.notOk(proxy.isWaiting())
      t.equal(failures().length, 1)
      t.equal(logged.filter(line => line.includes('"event":"sms.failed"')).length, 1)
      t.equal((await login()).json().sent, true)
    }
  )

  t.test(
    'a refused first message stays refused and is recorded when its code cannot be voided',
    { skip: needsServer },
    async t => {
      const { addUser, failures, login, logged, proxy } = await startBehindProxy(t, {
        limits: { messagesPerPhoneHour: 1 }
      })
      const grace = { username: 'grace', password: 'anchors aweigh', phone: ada.phone }
      await addUser(grace)
      await login()
      proxy.lose(voidCode, 'lost')
      t.equal(slugOf(await login(grace)), 'too-many-texts')
      t.notOk(proxy.isWaiting())
      t.equal(failures().length, 1)
      t.equal(logged.filter(line => line.includes('"limit":"sms.phone-hour"')).length, 1)
    }
  )
})

t.test('codes', async t => {
  // Without a response it is not known whether the attempt was used. A refund could give an
  // attacker additional attempts.
  for (const [loss, used] of [
    ['lost', 0],
    ['unacknowledged', 1]
  ] as const) {
    t.test(
      `a code whose attempt is ${loss} used ${used} attempts and works once afterwards`,
      { skip: needsServer },
      async t => {
        const { loginAndReadCode, proxy, verify } = await startBehindProxy(t)
        const { challengeToken, code } = await loginAndReadCode()
        proxy.lose(useAttempt, loss)
        t.equal(slugOf(await verify(challengeToken, differentCode(code))), 'database-unavailable')
        t.equal(
          (await verify(challengeToken, differentCode(code))).json().attemptsRemaining,
          4 - used
        )
        t.equal((await verify(challengeToken, code)).statusCode, 200)
        t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
      }
    )
  }

  t.test(
    'a correct code whose use is not stored uses an attempt and works once afterwards',
    { skip: needsServer },
    async t => {
      const { loginAndReadCode, proxy, verify } = await startBehindProxy(t)
      const { challengeToken, code } = await loginAndReadCode()
      proxy.lose(consume, 'lost')
      t.equal(slugOf(await verify(challengeToken, code)), 'database-unavailable')
      t.equal((await verify(challengeToken, differentCode(code))).json().attemptsRemaining, 3)
      t.equal((await verify(challengeToken, code)).statusCode, 200)
      t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
    }
  )

  t.test(
    'a correct code whose stored use is not acknowledged is used',
    { skip: needsServer },
    async t => {
      const { loginAndReadCode, login, proxy, twilio, verify } = await startBehindProxy(t)
      const { challengeToken, code } = await loginAndReadCode()
      proxy.lose(consume, 'unacknowledged')
      t.equal(slugOf(await verify(challengeToken, code)), 'database-unavailable')
      t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
      t.equal((await login()).json().sent, true)
      t.equal(twilio.messages.length, 2)
    }
  )
})

t.test('confirmations', async t => {
  for (const loss of losses) {
    t.test(
      `a confirmation whose storing is ${loss} sends nothing, and the next gives one receipt`,
      { skip: needsServer },
      async t => {
        const { confirm, logIn, proxy, twilio, verifyConfirmation } = await startBehindProxy(t)
        const { accessToken } = await logIn()
        proxy.lose(storeChallenge, loss)
        t.equal(slugOf(await confirm(accessToken)), 'database-unavailable')
        t.notOk(proxy.isWaiting())
        t.equal(twilio.messages.length, 1, 'only the login message')
        const { confirmationToken, sent } = (await confirm(accessToken)).json()
        t.equal(sent, true)
        const responses = await Promise.all(
          [1, 2, 3].map(() => verifyConfirmation(accessToken, confirmationToken, twilio.lastCode()))
        )
        t.equal(responses.filter(({ statusCode }) => statusCode === 200).length, 1)
      }
    )

    t.test(
      `a correct confirmation code whose end is ${loss} gives at most one receipt`,
      { skip: needsServer },
      async t => {
        const { confirm, logIn, proxy, twilio, verifyConfirmation } = await startBehindProxy(t)
        const { accessToken } = await logIn()
        const { confirmationToken } = (await confirm(accessToken)).json()
        const code = twilio.lastCode()
        proxy.lose(consume, loss)
        t.equal(
          slugOf(await verifyConfirmation(accessToken, confirmationToken, code)),
          'database-unavailable'
        )
        t.notOk(proxy.isWaiting())
        // An unacknowledged statement gives no receipt. The user confirms again, so that no receipt
        // is signed twice.
        t.equal(
          (await verifyConfirmation(accessToken, confirmationToken, code)).statusCode,
          loss === 'lost' ? 200 : 401
        )
        t.equal(
          slugOf(await verifyConfirmation(accessToken, confirmationToken, code)),
          'challenge-ended'
        )
        t.match((await confirm(accessToken, { ...transfer, reference: 'again' })).json(), {
          sent: true,
          replaced: false
        })
      }
    )
  }
})

t.test('sessions', async t => {
  t.test(
    'a token is accepted again as soon as the database is back',
    { skip: needsServer },
    async t => {
      const { accessToken, me, proxy } = await startBehindProxy(t)
      const token = await accessToken(ada)
      for (const loss of losses) {
        proxy.lose(readUser, loss)
        t.equal(slugOf(await me(token)), 'database-unavailable')
        t.equal((await me(token)).statusCode, 200)
      }
    }
  )

  for (const loss of losses) {
    t.test(
      `a refresh whose exchange is ${loss} may be repeated and keeps one chain of tokens`,
      { skip: needsServer },
      async t => {
        const { logIn, prisma, proxy, refresh } = await startBehindProxy(t)
        const { refreshToken } = await logIn()
        proxy.lose(rotate, loss)
        t.equal(slugOf(await refresh(refreshToken)), 'database-unavailable')
        t.notOk(proxy.isWaiting())
        const next = await refresh(refreshToken)
        t.equal(next.statusCode, 200)
        t.equal((await refresh(next.json().refreshToken)).statusCode, 200)
        t.equal(await prisma.session.count(), 1)
      }
    )

    t.test(
      `a refresh with a used token ends the session even when that statement is ${loss}`,
      { skip: needsServer },
      async t => {
        for (const statement of [readSession, endSession]) {
          const { logIn, proxy, refresh, wait } = await startBehindProxy(t)
          const { refreshToken } = await logIn()
          const next = (await refresh(refreshToken)).json()
          wait(31)
          proxy.lose(statement, loss)
          t.equal(slugOf(await refresh(refreshToken)), 'database-unavailable')
          t.notOk(proxy.isWaiting())
          t.equal(slugOf(await refresh(refreshToken)), 'session-ended')
          t.equal(slugOf(await refresh(next.refreshToken)), 'session-ended')
        }
      }
    )

    t.test(`a logout that is ${loss} may be repeated`, { skip: needsServer }, async t => {
      const { logIn, logout, me, proxy } = await startBehindProxy(t)
      const { accessToken, refreshToken } = await logIn()
      proxy.lose(endSession, loss)
      t.equal(slugOf(await logout(refreshToken)), 'database-unavailable')
      t.notOk(proxy.isWaiting())
      t.equal((await logout(refreshToken)).statusCode, 204)
      t.equal(slugOf(await me(accessToken)), 'invalid-token')
    })
  }
})

import t from 'tap'
import { argon2Passwords } from '../../src/adapters/argon2-passwords.ts'
import { serverUrl } from '../support/database.ts'
import type { Loss } from '../support/database-proxy.ts'
import { ada, otherThan, slugOf, transfer } from '../support/start.ts'
import { startBehindProxy } from '../support/start-behind-proxy.ts'

const charge = /INSERT INTO counters/
const readLogin = /SELECT u\.id/
const storeChallenge = /INSERT INTO challenges/
const readResend = /FROM challenges c JOIN users u/
const readUser = /FROM sessions s JOIN users u/
const replaceDigest = /UPDATE "public"\."users" SET "password_digest"/
const spendAttempt = /UPDATE challenges SET attempts_left/
const consume = /UPDATE challenges SET consumed_at/
const takeBack = /undone AS/
const renewCode = /UPDATE challenges\s+SET code_hash/
const rotate = /UPDATE sessions SET\s+token_hash/
const readSession = /SELECT .* FROM "public"."sessions"/
const endSession = /DELETE FROM sessions/
const voidCode = /UPDATE "public"\."challenges" SET "code_expires_at"/
const losses: Loss[] = ['lost', 'done, but its answer lost']

if (serverUrl !== undefined) {
  for (const loss of losses) {
    for (const [name, statement] of [['reading the person', readLogin], ['storing the challenge', storeChallenge]] as const) {
      t.test(`a login whose ${name} is ${loss} texts nothing, and the next texts one code that is good once`, async t => {
        const { challenge, failures, login, proxy, twilio, verify } = await startBehindProxy(t)
        proxy.lose(statement, loss)
        const answer = await login()
        t.notOk(proxy.isWaiting())
        t.equal(slugOf(answer), 'database-unavailable')
        t.equal(answer.headers['retry-after'], '5')
        t.match(failures(), [{ level: 50, reason: 'disconnected', reqId: answer.json().instance }])
        t.equal(failures().length, 1)
        t.equal(twilio.requests.length, 0)

        const { challengeToken, code } = await challenge()
        t.equal(twilio.texts.length, 1)
        t.equal((await verify(challengeToken, otherThan(code))).json().attemptsRemaining, 4)
        const answers = await Promise.all([1, 2, 3].map(() => verify(challengeToken, code)))
        t.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 1)
      })
    }

    for (const [name, limits] of [['try at the password', { passwordFailures: 10 }], ['text', { textsPerPhoneHour: 3 }]] as const) {
      t.test(`a login whose charge for the ${name} is ${loss} texts nothing, and the next texts at once`, async t => {
        const { challenge, login, proxy, twilio, verify } = await startBehindProxy(t, { limits })
        proxy.lose(charge, loss)
        t.equal(slugOf(await login()), 'database-unavailable')
        t.notOk(proxy.isWaiting())
        t.equal(twilio.requests.length, 0)
        const { challengeToken, code } = await challenge()
        t.equal(twilio.texts.length, 1)
        t.equal((await verify(challengeToken, code)).statusCode, 200)
      })
    }

    t.test(`a login whose new digest is ${loss} texts nothing, and the next goes on with whichever digest is there`, async t => {
      const { challenge, login, prisma, proxy, twilio, verify } = await startBehindProxy(t, { argon2: { time: 2 } })
      const cheaper = await argon2Passwords({ memoryKib: 1024, time: 1, concurrency: 1, queue: 1 })
      await prisma.user.updateMany({ data: { passwordDigest: await cheaper.hash(ada.password) } })
      proxy.lose(replaceDigest, loss)
      t.equal(slugOf(await login()), 'database-unavailable')
      t.notOk(proxy.isWaiting())
      t.equal(twilio.requests.length, 0)
      const { challengeToken, code } = await challenge()
      t.equal((await verify(challengeToken, code)).statusCode, 200)
    })

    t.test(`a resend whose reading the challenge is ${loss} changes nothing and may be repeated at once`, async t => {
      const { challenge, proxy, resend, twilio, verify, wait } = await startBehindProxy(t)
      const { challengeToken, code } = await challenge()
      wait(31)
      proxy.lose(readResend, loss)
      t.equal(slugOf(await resend(challengeToken)), 'database-unavailable')
      t.notOk(proxy.isWaiting())
      t.equal(twilio.texts.length, 1)
      t.equal((await resend(challengeToken)).json().sent, true)
      t.equal((await verify(challengeToken, otherThan(twilio.lastCode()))).json().attemptsRemaining, 4)
      t.not(twilio.lastCode(), code)
      t.equal((await verify(challengeToken, twilio.lastCode())).statusCode, 200)
    })
  }

  for (const loss of losses) {
    t.test(`a resend refused for its texts, of which taking back the other charges is ${loss}, leaves the old code good`, async t => {
      const { challenge, proxy, resend, twilio, verify, wait } = await startBehindProxy(t, { limits: { textsPerHour: 1, textsPerPhoneHour: 6 } })
      const { challengeToken, code } = await challenge()
      wait(31)
      proxy.lose(takeBack, loss)
      t.equal(slugOf(await resend(challengeToken)), 'database-unavailable')
      t.notOk(proxy.isWaiting())
      t.equal(slugOf(await resend(challengeToken)), 'too-many-texts')
      t.equal(twilio.texts.length, 1)
      t.equal((await verify(challengeToken, code)).statusCode, 200)
    })
  }

  t.test('a resend whose new code is never stored leaves the old code good', async t => {
    const { challenge, proxy, resend, twilio, verify, wait } = await startBehindProxy(t)
    const { challengeToken, code } = await challenge()
    wait(31)
    proxy.lose(renewCode, 'lost')
    t.equal(slugOf(await resend(challengeToken)), 'database-unavailable')
    t.equal(twilio.texts.length, 1)
    t.equal((await verify(challengeToken, code)).statusCode, 200)
  })

  t.test('a resend that does not learn that its new code was stored leaves no code, costs no attempt and may be repeated at once', async t => {
    const { challenge, failures, proxy, resend, twilio, verify, wait } = await startBehindProxy(t)
    const { challengeToken, code } = await challenge()
    wait(31)
    proxy.lose(renewCode, 'done, but its answer lost')
    t.equal(slugOf(await resend(challengeToken)), 'database-unavailable')
    t.equal(failures().length, 1)
    t.equal(twilio.texts.length, 1)
    t.equal(slugOf(await verify(challengeToken, code)), 'code-expired')
    t.equal((await resend(challengeToken)).json().sent, true)
    t.equal((await verify(challengeToken, otherThan(twilio.lastCode()))).json().attemptsRemaining, 4)
    t.equal((await verify(challengeToken, twilio.lastCode())).statusCode, 200)
  })

  // Where the answer is lost nobody knows whether the attempt was spent. Giving it back would let attempts be gained.
  for (const [loss, spent] of [['lost', 0], ['done, but its answer lost', 1]] as const) {
    t.test(`a code whose spent attempt is ${loss} has cost ${spent} attempts, and the right one is good once after`, async t => {
      const { challenge, proxy, verify } = await startBehindProxy(t)
      const { challengeToken, code } = await challenge()
      proxy.lose(spendAttempt, loss)
      t.equal(slugOf(await verify(challengeToken, otherThan(code))), 'database-unavailable')
      t.equal((await verify(challengeToken, otherThan(code))).json().attemptsRemaining, 4 - spent)
      t.equal((await verify(challengeToken, code)).statusCode, 200)
      t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
    })
  }

  t.test('a right code whose use is never stored has cost its attempt, and is good once after', async t => {
    const { challenge, proxy, verify } = await startBehindProxy(t)
    const { challengeToken, code } = await challenge()
    proxy.lose(consume, 'lost')
    t.equal(slugOf(await verify(challengeToken, code)), 'database-unavailable')
    t.equal((await verify(challengeToken, otherThan(code))).json().attemptsRemaining, 3)
    t.equal((await verify(challengeToken, code)).statusCode, 200)
    t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
  })

  t.test('a right code whose use was stored, but without the caller learning it, is used; the next login texts at once', async t => {
    const { challenge, login, proxy, twilio, verify } = await startBehindProxy(t)
    const { challengeToken, code } = await challenge()
    proxy.lose(consume, 'done, but its answer lost')
    t.equal(slugOf(await verify(challengeToken, code)), 'database-unavailable')
    t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
    t.equal((await login()).json().sent, true)
    t.equal(twilio.texts.length, 2)
  })

  for (const loss of losses) {
    t.test(`a confirmation whose storing is ${loss} texts nothing, and the next texts one code that is worth one receipt`, async t => {
      const { confirm, logIn, proxy, twilio, verifyConfirmation } = await startBehindProxy(t)
      const { accessToken } = await logIn()
      proxy.lose(storeChallenge, loss)
      t.equal(slugOf(await confirm(accessToken)), 'database-unavailable')
      t.notOk(proxy.isWaiting())
      t.equal(twilio.texts.length, 1, 'that of the login')
      const { confirmationToken, sent } = (await confirm(accessToken)).json()
      t.equal(sent, true)
      const answers = await Promise.all([1, 2, 3].map(() => verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())))
      t.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 1)
    })

    t.test(`a right code of a confirmation whose end is ${loss} is worth one receipt at most`, async t => {
      const { confirm, logIn, proxy, twilio, verifyConfirmation } = await startBehindProxy(t)
      const { accessToken } = await logIn()
      const { confirmationToken } = (await confirm(accessToken)).json()
      const code = twilio.lastCode()
      proxy.lose(consume, loss)
      t.equal(slugOf(await verifyConfirmation(accessToken, confirmationToken, code)), 'database-unavailable')
      t.notOk(proxy.isWaiting())
      // Where only the answer was lost there is no receipt: better asked again than signed twice.
      t.equal((await verifyConfirmation(accessToken, confirmationToken, code)).statusCode, loss === 'lost' ? 200 : 401)
      t.equal(slugOf(await verifyConfirmation(accessToken, confirmationToken, code)), 'challenge-ended')
      t.match((await confirm(accessToken, { ...transfer, reference: 'again' })).json(), { sent: true, replaced: false })
    })
  }

  t.test('a text that fails while the database fails is told as the text, and each has its line', async t => {
    const { failures, login, logged, proxy, twilio } = await startBehindProxy(t)
    proxy.lose(voidCode, 'done, but its answer lost')
    twilio.next(({ fail }) => fail(500, null))
    t.equal(slugOf(await login()), 'sms-unavailable')
    t.notOk(proxy.isWaiting())
    t.equal(failures().length, 1)
    t.equal(logged.filter(line => line.includes('"event":"sms.failed"')).length, 1)
    t.equal((await login()).json().sent, true)
  })

  t.test('a token is read again as soon as the database is back', async t => {
    const { accessToken, me, proxy } = await startBehindProxy(t)
    const token = await accessToken(ada)
    for (const loss of losses) {
      proxy.lose(readUser, loss)
      t.equal(slugOf(await me(token)), 'database-unavailable')
      t.equal((await me(token)).statusCode, 200)
    }
  })
  for (const loss of losses) {
    t.test(`a refresh whose exchange is ${loss} may be repeated, and there is one line of tokens`, async t => {
      const { logIn, prisma, proxy, refresh } = await startBehindProxy(t)
      const { refreshToken } = await logIn()
      proxy.lose(rotate, loss)
      t.equal(slugOf(await refresh(refreshToken)), 'database-unavailable')
      t.notOk(proxy.isWaiting())
      const next = await refresh(refreshToken)
      t.equal(next.statusCode, 200)
      t.equal((await refresh(next.json().refreshToken)).statusCode, 200)
      t.equal(await prisma.session.count(), 1)
    })

    t.test(`a refresh with a used token ends the session, also when what it does is ${loss}`, async t => {
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
    })

    t.test(`a logout that is ${loss} may be repeated`, async t => {
      const { logIn, logout, me, proxy } = await startBehindProxy(t)
      const { accessToken, refreshToken } = await logIn()
      proxy.lose(endSession, loss)
      t.equal(slugOf(await logout(refreshToken)), 'database-unavailable')
      t.notOk(proxy.isWaiting())
      t.equal((await logout(refreshToken)).statusCode, 204)
      t.equal(slugOf(await me(accessToken)), 'invalid-token')
    })
  }
} else {
  t.pass('an embedded database has no network to lose a statement in')
}

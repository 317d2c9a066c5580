import t from 'tap'
import { differentCode, slugOf, startApp } from '../support/start-app.ts'

t.test('a burst of guesses uses no more than the available attempts', async t => {
  const { loginAndReadCode, verify } = await startApp(t)
  const { challengeToken, code } = await loginAndReadCode()
  const responses = await Promise.all(
    Array.from({ length: 40 }, () => verify(challengeToken, differentCode(code)))
  )
  const wrong = responses.filter(response => slugOf(response) === 'wrong-code')
  t.same(wrong.map(response => response.json().attemptsRemaining).sort(), [0, 1, 2, 3, 4])
  t.equal(responses.filter(response => slugOf(response) === 'challenge-ended').length, 35)
  t.equal(
    slugOf(await verify(challengeToken, code)),
    'challenge-ended',
    'the correct code is too late'
  )
})

t.test(
  'a burst that includes the correct code uses no more than the available attempts',
  async t => {
    const { loginAndReadCode, verify } = await startApp(t)
    for (const position of [0, 3, 20, 39]) {
      const { challengeToken, code } = await loginAndReadCode()
      const guesses = Array.from({ length: 40 }, (_, i) =>
        i === position ? code : String((Number(code) + i + 1) % 1e6).padStart(6, '0')
      )
      const responses = await Promise.all(guesses.map(guess => verify(challengeToken, guess)))
      const correct = responses.filter(({ statusCode }) => statusCode === 200)
      const wrong = responses.filter(response => slugOf(response) === 'wrong-code')
      t.ok(correct.length <= 1)
      t.ok(
        correct.length + wrong.length <= 5,
        `${correct.length} correct and ${wrong.length} wrong`
      )
      t.equal(
        correct.length +
          wrong.length +
          responses.filter(response => slugOf(response) === 'challenge-ended').length,
        40
      )
      t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
    }
  }
)

t.test('guesses during resends and logins use no more than the available attempts', async t => {
  const { loginAndReadCode, login, resend, verify, twilio } = await startApp(t, {
    policy: { resendCooldown: 5 }
  })
  const { challengeToken, code } = await loginAndReadCode()
  const responses = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      if (i % 10 === 3) await resend(challengeToken)
      if (i % 10 === 6) await login()
      return verify(challengeToken, differentCode(code))
    })
  )
  t.equal(responses.filter(response => slugOf(response) === 'wrong-code').length, 5)
  t.ok(twilio.messages.length <= 2)
})

t.test('a burst through two instances uses no more than the available attempts', async t => {
  const secrets = [Buffer.alloc(32, 1)] as const
  const one = await startApp(t, { secrets })
  const two = await startApp(t, { secrets, database: one.database, withoutUsers: true })
  const { challengeToken, code } = await one.loginAndReadCode()
  const responses = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      (i % 2 === 0 ? one : two).verify(challengeToken, differentCode(code))
    )
  )
  t.equal(responses.filter(response => slugOf(response) === 'wrong-code').length, 5)
  t.equal(slugOf(await two.verify(challengeToken, code)), 'challenge-ended')
})

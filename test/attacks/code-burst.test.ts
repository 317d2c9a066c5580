import t from 'tap'
import { otherThan, slugOf, start } from '../support/start.ts'

t.test('a burst of guesses spends no more than the attempts there are', async t => {
  const { challenge, verify } = await start(t)
  const { challengeToken, code } = await challenge()
  const answers = await Promise.all(Array.from({ length: 40 }, () => verify(challengeToken, otherThan(code))))
  const wrong = answers.filter(answer => slugOf(answer) === 'wrong-code')
  t.same(wrong.map(answer => answer.json().attemptsRemaining).sort(), [0, 1, 2, 3, 4])
  t.equal(answers.filter(answer => slugOf(answer) === 'challenge-ended').length, 35)
  t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended', 'the right code comes too late')
})

t.test('a burst of guesses that holds the right one tries no more than the attempts there are', async t => {
  const { challenge, verify } = await start(t)
  for (const position of [0, 3, 20, 39]) {
    const { challengeToken, code } = await challenge()
    const guesses = Array.from({ length: 40 }, (_, i) => i === position ? code : String((Number(code) + i + 1) % 1e6).padStart(6, '0'))
    const answers = await Promise.all(guesses.map(guess => verify(challengeToken, guess)))
    const right = answers.filter(({ statusCode }) => statusCode === 200)
    const wrong = answers.filter(answer => slugOf(answer) === 'wrong-code')
    t.ok(right.length <= 1)
    t.ok(right.length + wrong.length <= 5, `${right.length} right and ${wrong.length} wrong`)
    t.equal(right.length + wrong.length + answers.filter(answer => slugOf(answer) === 'challenge-ended').length, 40)
    t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
  }
})

t.test('guesses beside resends and logins spend no more than the attempts there are', async t => {
  const { challenge, login, resend, verify, twilio } = await start(t, { policy: { resendCooldown: 5 } })
  const { challengeToken, code } = await challenge()
  const answers = await Promise.all(Array.from({ length: 40 }, async (_, i) => {
    if (i % 10 === 3) await resend(challengeToken)
    if (i % 10 === 6) await login()
    return verify(challengeToken, otherThan(code))
  }))
  t.equal(answers.filter(answer => slugOf(answer) === 'wrong-code').length, 5)
  t.ok(twilio.texts.length <= 2)
})

t.test('a burst through two instances spends no more than the attempts there are', async t => {
  const secrets = [Buffer.alloc(32, 1)] as const
  const one = await start(t, { secrets })
  const two = await start(t, { secrets, database: one.database, withoutUsers: true })
  const { challengeToken, code } = await one.challenge()
  const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? one : two).verify(challengeToken, otherThan(code))))
  t.equal(answers.filter(answer => slugOf(answer) === 'wrong-code').length, 5)
  t.equal(slugOf(await two.verify(challengeToken, code)), 'challenge-ended')
})

import { decodeJwt } from 'jose'
import t from 'tap'
import { testDatabase } from '../support/database.ts'
import { ada, codeIn, otherThan, slugOf, start } from '../support/start.ts'
import { deliverButFail, deliverButReset, hang, reject } from '../support/twilio-stand-in.ts'

t.test('a resend texts a new code, kills the old one and leaves attempts and end as they are', async t => {
  const { challenge, resend, verify, twilio, wait } = await start(t)
  const { challengeToken, code } = await challenge()
  await verify(challengeToken, otherThan(code))
  wait(31)
  const answer = await resend(challengeToken)
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['cache-control'], 'no-store')
  const { challengeToken: second, ...rest } = answer.json()
  t.same(rest, { expiresIn: 569, destination: '+1•••••••43', codeLength: 6, codeExpiresIn: 60, resendIn: 30, sent: true })
  t.equal(decodeJwt(second).exp, decodeJwt(challengeToken).exp)

  const newCode = twilio.lastCode()
  t.not(newCode, code)
  t.equal(twilio.texts.length, 2)
  const old = await verify(second, code)
  t.equal(slugOf(old), 'wrong-code')
  t.equal(old.json().attemptsRemaining, 3)
  t.equal((await verify(challengeToken, newCode)).statusCode, 200, 'and the first token is as good as the second')
})

t.test('a resend inside the cooldown is refused, says how long to wait, and leaves the code alone', async t => {
  const { challenge, resend, verify, twilio, wait } = await start(t)
  const { challengeToken, code } = await challenge()
  for (const [seconds, left] of [[0, 30], [10, 20], [19, 1]] as const) {
    wait(seconds)
    const answer = await resend(challengeToken)
    t.equal(slugOf(answer), 'resend-too-soon')
    t.equal(answer.statusCode, 429)
    t.equal(answer.headers['retry-after'], String(left))
    t.equal(answer.json().retryAfter, left)
  }
  t.equal(twilio.texts.length, 1)
  t.equal((await verify(challengeToken, code)).statusCode, 200)
})

t.test('a resend is good as soon as the announced wait is over, and starts the next wait', async t => {
  const { login, resend, wait } = await start(t)
  const { challengeToken, resendIn } = (await login()).json()
  wait(resendIn)
  t.equal((await resend(challengeToken)).statusCode, 200)
  t.equal(slugOf(await resend(challengeToken)), 'resend-too-soon')
})

t.test('resends never add attempts', async t => {
  const { challenge, resend, verify, twilio } = await start(t, { policy: { resendCooldown: 0 } })
  const { challengeToken } = await challenge()
  for (const attemptsRemaining of [4, 3, 2, 1, 0]) {
    t.equal((await resend(challengeToken)).statusCode, 200)
    t.equal((await verify(challengeToken, otherThan(twilio.lastCode()))).json().attemptsRemaining, attemptsRemaining)
  }
  t.equal(slugOf(await resend(challengeToken)), 'challenge-ended')
  t.equal(twilio.texts.length, 6)
})

t.test('fifty resends at once send one text', async t => {
  const { challenge, resend, verify, twilio, wait } = await start(t)
  const { challengeToken } = await challenge()
  wait(30)
  const answers = await Promise.all(Array.from({ length: 50 }, () => resend(challengeToken)))
  t.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 1)
  t.equal(answers.filter(answer => slugOf(answer) === 'resend-too-soon').length, 49)
  t.equal(twilio.texts.length, 2)
  t.equal((await verify(challengeToken, twilio.lastCode())).statusCode, 200)
})

t.test('a code sent near the end of its challenge lives no longer than that, and its text says so', async t => {
  const { challenge, login, resend, verify, twilio, wait } = await start(t, { policy: { challengeTtl: 95 } })
  t.match((await login()).json(), { expiresIn: 95, codeExpiresIn: 60 })
  t.match(twilio.texts[0]?.body, /good for 1 minute\./)
  const { challengeToken } = await challenge()
  wait(70)
  t.match((await resend(challengeToken)).json(), { expiresIn: 25, codeExpiresIn: 25 })
  t.match(twilio.texts[1], { body: /good for 25 seconds\./, validityPeriod: 25 })
  wait(24)
  t.equal(slugOf(await verify(challengeToken, otherThan(twilio.lastCode()))), 'wrong-code')
  wait(1)
  t.equal(slugOf(await verify(challengeToken, twilio.lastCode())), 'challenge-ended')
})

t.test('nothing is sent for a challenge that was used, has passed, or was never made', async t => {
  const { challenge, resend, verify, twilio, wait } = await start(t)
  const used = await challenge()
  await verify(used.challengeToken, used.code)
  wait(30)
  t.equal(slugOf(await resend(used.challengeToken)), 'challenge-ended')
  const past = await challenge()
  wait(600)
  t.equal(slugOf(await resend(past.challengeToken)), 'challenge-ended')
  t.equal(slugOf(await resend('forged')), 'challenge-ended')
  t.equal(twilio.texts.length, 2)
})

for (const data of [{ disabled: true }, { phone: null }]) {
  t.test(`nothing is sent to a person of whom the record now says ${JSON.stringify(data)}`, async t => {
    const { challenge, resend, twilio, prisma, wait } = await start(t)
    const { challengeToken } = await challenge()
    await prisma.user.updateMany({ data })
    wait(30)
    t.equal(slugOf(await resend(challengeToken)), 'challenge-ended')
    t.equal(twilio.texts.length, 1)
  })
}

t.test('a number in the request changes nothing: texts go to the number on file', async t => {
  const { challenge, post, twilio, wait } = await start(t)
  const { challengeToken } = await challenge()
  wait(30)
  for (const [url, body] of [['/resend', { challengeToken }], ['/login', { username: ada.username, password: ada.password }]] as const) {
    t.equal(slugOf(await post(url, { ...body, phone: '+12025550166' })), 'invalid-request')
  }
  t.equal(twilio.texts.length, 1)
})

const failures = [
  ['sms-unavailable', 503, 'Twilio is out of order', deliverButFail(500)],
  ['sms-unavailable', 503, 'the connection breaks', deliverButReset()],
  ['sms-unavailable', 503, 'Twilio limits the account', reject(429, 20429)],
  ['sms-undeliverable', 422, 'the number is a landline', reject(400, 21614)],
  ['sms-undeliverable', 422, 'the country is not allowed', reject(400, 21408)]
] as const

for (const [slug, status, what, failure] of failures) {
  t.test(`a login whose text can't be handed over because ${what} leaves no usable code and no cooldown`, async t => {
    const { challenge, login, verify, prisma, clock, twilio, wait } = await start(t)
    const before = await challenge()
    wait(30)
    twilio.next(failure)
    const answer = await login()
    t.equal(slugOf(answer), slug)
    t.equal(answer.statusCode, status)
    t.notMatch(answer.body, /twilio|214|2042|Error \d|challengeToken/i, 'of what the provider said nothing is told')
    const row = await prisma.challenge.findFirstOrThrow()
    t.ok(row.codeExpiresAt <= clock() && row.resendAt <= clock())
    t.equal(slugOf(await verify(before.challengeToken, before.code)), 'challenge-ended')

    const delivered = codeIn(twilio.texts.at(-1)?.body)
    const next = await challenge()
    t.equal(next.code, twilio.lastCode())
    t.not(next.code, delivered, 'a text that was delivered after all is not repeated')
    t.equal((await verify(next.challengeToken, next.code)).statusCode, 200)
  })

  t.test(`a resend whose text can't be handed over because ${what} kills the code, costs nothing and may be repeated at once`, async t => {
    const { challenge, resend, verify, twilio, wait } = await start(t)
    const { challengeToken, code } = await challenge()
    await verify(challengeToken, otherThan(code))
    wait(30)
    twilio.next(failure, failure)
    for (let i = 0; i < 2; i++) {
      const answer = await resend(challengeToken)
      t.equal(slugOf(answer), slug)
      t.equal(answer.statusCode, status)
    }
    for (const dead of [code, twilio.lastCode()]) t.equal(slugOf(await verify(challengeToken, dead)), 'code-expired')

    t.match((await resend(challengeToken)).json(), { sent: true, expiresIn: 570, codeExpiresIn: 60, resendIn: 30 })
    const wrong = await verify(challengeToken, otherThan(twilio.lastCode()))
    t.equal(wrong.json().attemptsRemaining, 3)
    t.equal((await verify(challengeToken, twilio.lastCode())).statusCode, 200)
  })
}

t.test('a code that arrives before Twilio has answered is good at once', async t => {
  const { challenge, resend, verify, twilio, wait } = await start(t)
  const { challengeToken } = await challenge()
  wait(30)
  const { answer, taken } = answerWhenTold(twilio)
  const slow = resend(challengeToken)
  await taken
  t.equal((await verify(challengeToken, twilio.lastCode())).statusCode, 200)
  answer()
  t.equal((await slow).statusCode, 200)
})

t.test('a login beside one that waits for Twilio does not wait, and sends nothing', async t => {
  const { login, twilio } = await start(t)
  const { answer, taken } = answerWhenTold(twilio)
  const slow = login()
  await taken
  t.equal((await login()).json().sent, false)
  answer()
  t.equal((await slow).json().sent, true)
  t.equal(twilio.texts.length, 1)
})

t.test('a Twilio that says nothing is not waited for beyond the timeout, and not asked twice', async t => {
  const { login, twilio } = await start(t, { twilioTimeoutMs: 1000 })
  twilio.next(hang())
  t.equal(slugOf(await login()), 'sms-unavailable')
  t.equal(twilio.requests.length, 1)
  t.equal((await login()).json().sent, true)
})

/** Twilio takes the next text and is silent until told to answer. */
function answerWhenTold (twilio: Awaited<ReturnType<typeof start>>['twilio']) {
  const taken = new Promise<() => void>(resolve => {
    twilio.next(({ take, succeed }) => { take(); resolve(succeed) })
  })
  return { taken, answer: () => { taken.then(succeed => succeed(), () => {}) } }
}

t.test('a text that fails while the database fails is told as a text that failed, and logged as both', async t => {
  const database = await testDatabase(t)
  const { challenge, resend, twilio, wait, logged } = await start(t, { database })
  const { challengeToken } = await challenge()
  wait(31)
  twilio.next(exchange => { database.prisma.$executeRaw`ALTER TABLE challenges RENAME TO gone`.then(() => exchange.fail(500, null)) })
  t.equal(slugOf(await resend(challengeToken)), 'sms-unavailable')
  t.ok(logged.some(line => line.includes('request refused, and failed')))
})

import t from 'tap'
import {
  ada,
  codeIn,
  defaultLimits,
  differentCode,
  slugOf,
  startApp
} from '../support/start-app.ts'

type Service = Awaited<ReturnType<typeof startApp>>

// What an attacker has: the username, the password, many addresses, and no phone.
const limits = { codeFailures: defaultLimits.codeFailures }
const address = (n: number) => `198.51.${(n >> 8) & 255}.${n & 255}`

/**
 * Guesses wrong until told no, on one challenge after another, from ever new addresses. Resolves to
 * how many guesses were heard.
 */
async function guessOn({ login, resend, verify, wait, twilio }: Service, most = 50) {
  let heard = 0
  while (heard < most) {
    const answer = await login(ada, address(heard))
    if (answer.statusCode !== 200) return { heard, answer }
    const { challengeToken, resendIn } = answer.json()
    wait(resendIn)
    await resend(challengeToken, address(heard + 1))
    const wrong = differentCode(codeIn(twilio.texts.at(-1)?.body))
    while (slugOf(await verify(challengeToken, wrong, address(heard))) === 'wrong-code') heard++
    wait(1)
  }
  return { heard, answer: await login() }
}

t.test(
  'five consecutive wrong codes lock the account across logins, addresses and instances',
  async t => {
    const secrets = [Buffer.alloc(32, 1)] as const
    const one = await startApp(t, { limits, secrets })
    const other = await startApp(t, {
      limits,
      secrets,
      database: one.database,
      clock: one.clock,
      withoutUsers: true
    })
    const first = await one.loginAndReadCode()
    t.same(
      (await one.verify(first.challengeToken, differentCode(first.code))).json().attemptsRemaining,
      4
    )
    one.wait(31)
    await one.resend(first.challengeToken)
    const resent = codeIn(one.twilio.texts.at(-1)?.body)
    t.same(
      (await one.verify(first.challengeToken, differentCode(resent), '198.51.100.1')).json()
        .attemptsRemaining,
      3
    )
    one.wait(31)
    const second = await one.loginAndReadCode()
    t.same(
      (await other.verify(second.challengeToken, differentCode(second.code))).json()
        .attemptsRemaining,
      2,
      'what is told is what the account has left'
    )
    t.same(
      (await one.verify(second.challengeToken, differentCode(second.code))).json()
        .attemptsRemaining,
      1
    )
    t.same(
      (await other.verify(second.challengeToken, differentCode(second.code))).json()
        .attemptsRemaining,
      0
    )

    for (const { verify, resend } of [one, other]) {
      const locked = await verify(second.challengeToken, second.code)
      t.equal(slugOf(locked), 'too-many-attempts', 'the right code comes too late')
      t.match(locked.json(), { status: 429, reason: 'codes', retryAfter: 900 })
      t.equal(locked.headers['retry-after'], '900')
      t.match((await resend(second.challengeToken)).json(), {
        status: 429,
        reason: 'codes',
        retryAfter: 900
      })
    }
    one.wait(31)
    t.match((await one.resend(second.challengeToken)).json(), {
      status: 429,
      reason: 'codes',
      retryAfter: 869
    })
  }
)

t.test(
  'a locked account sends no message and shows the lock only after the correct password',
  async t => {
    const service = await startApp(t, { limits })
    const { answer } = await guessOn(service)
    const texts = service.twilio.texts.length
    t.match(answer.json(), { status: 429, reason: 'codes' })
    t.equal(
      slugOf(await service.login({ ...ada, password: 'not the password' })),
      'invalid-credentials'
    )
    t.match(
      (await service.login(ada, '203.0.113.9')).json(),
      { status: 429, reason: 'codes' },
      'the owner, elsewhere, learns the reason'
    )
    t.equal(service.twilio.texts.length, texts)
  }
)

t.test('after the lock a correct code logs the owner in and resets the failures', async t => {
  const { loginAndReadCode, verify, wait } = await startApp(t, {
    limits,
    policy: { codeAttempts: 10 }
  })
  const locked = await loginAndReadCode()
  for (let i = 0; i < 5; i++) await verify(locked.challengeToken, differentCode(locked.code))
  wait(900)
  for (let round = 0; round < 2; round++) {
    const { challengeToken, code } = await loginAndReadCode()
    for (let left = 3; left >= 0; left--)
      t.equal(
        (await verify(challengeToken, differentCode(code))).json().attemptsRemaining,
        left + 1
      )
    t.equal((await verify(challengeToken, code)).statusCode, 200)
    wait(31)
  }
})

t.test('every further lock is twice as long until a hundred wrong codes disable codes', async t => {
  const service = await startApp(t, { limits })
  const waits: number[] = []
  for (let lock = 1; lock <= 19; lock++) {
    const { heard, answer } = await guessOn(service)
    t.equal(heard, 5)
    waits.push(answer.json().retryAfter)
    service.wait(answer.json().retryAfter)
  }
  // The second that guessOn lets pass after the last guess is one of the lock's.
  t.same(waits, [
    ...[900, 1800, 3600, 7200, 14_400, 28_800, 57_600].map(seconds => seconds - 1),
    ...Array.from({ length: 12 }, () => 86_399)
  ])
  t.match((await guessOn(service)).answer.json(), { status: 429, reason: 'codes-off' })
  service.wait(30 * 86_400)
  const off = await service.login()
  t.match(off.json(), { status: 429, reason: 'codes-off', retryAfter: 86_400 })

  t.equal(await service.users.unlock({ username: 'nobody' }), null)
  t.match(await service.users.unlock({ username: 'ADA' }), { phone: ada.phone })
  const { challengeToken, code } = await service.loginAndReadCode()
  t.equal((await service.verify(challengeToken, code)).statusCode, 200)
})

t.test('an attacker with a thousand addresses gets fewer than sixty guesses a day', async t => {
  const service = await startApp(t, { limits })
  const started = service.clock().getTime()
  let guesses = 0
  for (let tries = 0; service.clock().getTime() - started < 86_400_000; tries++) {
    const { heard, answer } = await guessOn(service)
    guesses += heard
    if (tries === 0) t.equal(guesses, 5)
    service.wait(Math.min(answer.json().retryAfter, 900)) // He also looks in between.
  }
  t.ok(guesses < 60, `${guesses} guesses in a day`)
  t.ok(guesses >= 30, 'and he did try')
})

t.test('of two hundred concurrent wrong codes over four challenges five are checked', async t => {
  const service = await startApp(t, { limits, policy: { resendCooldown: 0 } })
  const { challengeToken, code } = await service.loginAndReadCode()
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, n) => {
      if (n % 50 === 49) await service.login()
      return service.verify(challengeToken, differentCode(code), address(n))
    })
  )
  t.equal(answers.filter(answer => slugOf(answer) === 'wrong-code').length, 5)
  t.equal(answers.filter(({ statusCode }) => statusCode >= 500).length, 0)
  t.match(await service.users.find({ username: 'ada' }), { codeFailures: 5 })
})

t.test('a malformed code, an ended challenge and an expired code are no failures', async t => {
  const { loginAndReadCode, verify, wait, users } = await startApp(t, { limits })
  const { challengeToken, code } = await loginAndReadCode()
  t.equal((await verify(challengeToken, '12345')).statusCode, 400)
  t.equal((await verify(challengeToken, 'abcdef')).statusCode, 400)
  wait(60)
  t.equal(slugOf(await verify(challengeToken, differentCode(code))), 'code-expired')
  wait(600)
  t.equal(slugOf(await verify(challengeToken, differentCode(code))), 'challenge-ended')
  t.match(await users.find({ username: 'ada' }), { codeFailures: 0, codeLockedUntil: null })
})

t.test('a hundred wrong codes disable codes even when the hundredth starts no lock', async t => {
  const { loginAndReadCode, prisma, users, verify } = await startApp(t, {
    limits: { codeFailures: 3 }
  })
  await prisma.user.updateMany({ data: { codeFailures: 99 } })
  const { challengeToken, code } = await loginAndReadCode()
  t.match((await verify(challengeToken, differentCode(code))).json(), { attemptsRemaining: 0 })
  t.match((await verify(challengeToken, code)).json(), { status: 429, reason: 'codes-off' })
  t.match(await users.find({ username: 'ada' }), { codeFailures: 100, codeLockedUntil: null })
})

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

// The attacker knows the username and password and has many addresses, but not the phone.
const limits = { codeFailures: defaultLimits.codeFailures }
const address = (n: number) => `198.51.${(n >> 8) & 255}.${n & 255}`

/**
 * Submits wrong codes for one challenge after another from changing addresses until a login is
 * refused. Resolves to the number of checked guesses and the refusal.
 */
async function guessUntilRefused({ login, resend, verify, wait, twilio }: Service, most = 50) {
  let checked = 0
  while (checked < most) {
    const response = await login(ada, address(checked))
    if (response.statusCode !== 200) return { checked, response }
    const { challengeToken, resendIn } = response.json()
    wait(resendIn)
    await resend(challengeToken, address(checked + 1))
    const wrong = differentCode(codeIn(twilio.messages.at(-1)?.body))
    while (slugOf(await verify(challengeToken, wrong, address(checked))) === 'wrong-code') checked++
    wait(1)
  }
  return { checked, response: await login() }
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
    const resent = codeIn(one.twilio.messages.at(-1)?.body)
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
      'the attempts left of the account count'
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
      t.equal(slugOf(locked), 'too-many-attempts', 'the correct code is too late')
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
    const { response } = await guessUntilRefused(service)
    const sentBefore = service.twilio.messages.length
    t.match(response.json(), { status: 429, reason: 'codes' })
    t.equal(
      slugOf(await service.login({ ...ada, password: 'not the password' })),
      'invalid-credentials'
    )
    t.match(
      (await service.login(ada, '203.0.113.9')).json(),
      { status: 429, reason: 'codes' },
      'the owner at another address gets the reason'
    )
    t.equal(service.twilio.messages.length, sentBefore)
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
    const { checked, response } = await guessUntilRefused(service)
    t.equal(checked, 5)
    waits.push(response.json().retryAfter)
    service.wait(response.json().retryAfter)
  }
  // guessUntilRefused waits one second after the last guess, which is part of the lockout.
  t.same(waits, [
    ...[900, 1800, 3600, 7200, 14_400, 28_800, 57_600].map(seconds => seconds - 1),
    ...Array.from({ length: 12 }, () => 86_399)
  ])
  t.match((await guessUntilRefused(service)).response.json(), { status: 429, reason: 'codes-off' })
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
  for (let round = 0; service.clock().getTime() - started < 86_400_000; round++) {
    const { checked, response } = await guessUntilRefused(service)
    guesses += checked
    if (round === 0) t.equal(guesses, 5)
    service.wait(Math.min(response.json().retryAfter, 900)) // They also retry during a lockout.
  }
  t.ok(guesses < 60, `${guesses} guesses in a day`)
  t.ok(guesses >= 30, 'the attack did run')
})

t.test('only five of two hundred concurrent wrong codes are checked', async t => {
  const service = await startApp(t, { limits, policy: { resendCooldown: 0 } })
  const { challengeToken, code } = await service.loginAndReadCode()
  const responses = await Promise.all(
    Array.from({ length: 200 }, async (_, n) => {
      if (n % 50 === 49) await service.login()
      return service.verify(challengeToken, differentCode(code), address(n))
    })
  )
  t.equal(responses.filter(response => slugOf(response) === 'wrong-code').length, 5)
  t.equal(responses.filter(({ statusCode }) => statusCode >= 500).length, 0)
  t.match(await service.users.find({ username: 'ada' }), { codeFailures: 5 })
})

t.test('a malformed code, an ended challenge or an expired code is not a failure', async t => {
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

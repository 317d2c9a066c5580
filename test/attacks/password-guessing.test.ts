import t from 'tap'
import { backOff, passwordLimits } from '../../src/domain/login/password-limits.ts'
import {
  consume,
  type RateLimit,
  type RateLimits
} from '../../src/domain/rate-limits/rate-limit.ts'
import { Refusal } from '../../src/domain/refusal.ts'
import { requestLimit } from '../../src/domain/request-context.ts'
import { serverUrl, type TestDatabase } from '../support/database.ts'
import {
  ada,
  defaultLimits,
  noLimits,
  differentCode,
  slugOf,
  startApp
} from '../support/start-app.ts'

const limits = { passwordFailures: defaultLimits.passwordFailures }
const wrong = { ...ada, password: 'not the password' }
const unknownUser = { username: 'unknown-user', password: 'not the password' }
/** Counts attempts at Ada's password from all networks. */
const attemptsAtAda: RateLimit = {
  name: 'password.name',
  key: { username: 'ada' },
  max: 2 ** 31 - 1,
  windowSeconds: 86_400
}
/** Sets the number of attempts at Ada's password from all networks. */
async function countAttempts(
  {
    rateLimits,
    clock,
    database
  }: { rateLimits: RateLimits; clock: () => Date; database: TestDatabase },
  count: number
) {
  await rateLimits.apply([consume(attemptsAtAda)], clock())
  await database.prisma.rateLimit.updateMany({
    where: { key: { startsWith: 'password.name:' } },
    data: { count }
  })
}
const address = (n: number) => `198.51.${(n >> 8) & 255}.${n & 255}`

t.test('limits of an address', async t => {
  t.test('ten wrong passwords block a username for that address for fifteen minutes', async t => {
    const { login, wait, addUser, twilio } = await startApp(t, { limits })
    await addUser({ username: 'grace', password: 'anchors aweigh', phone: '+12025550144' })
    for (let i = 0; i < 10; i++) t.equal(slugOf(await login(wrong)), 'invalid-credentials')
    const refused = await login()
    t.match(refused.json(), { status: 429, reason: 'passwords', retryAfter: 900 })
    t.equal(slugOf(refused), 'too-many-attempts')
    t.equal(refused.headers['retry-after'], '900')
    t.equal(twilio.messages.length, 0)
    t.equal((await login({ username: 'grace', password: 'anchors aweigh' })).statusCode, 200)
    t.equal((await login(ada, '198.51.100.7')).statusCode, 200, 'the owner at another address')
    wait(899)
    t.match((await login()).json(), { status: 429, retryAfter: 1 })
    wait(1)
    t.equal((await login()).statusCode, 200)
  })

  t.test('an address has a hundred password attempts over all usernames', async t => {
    const { login, twilio } = await startApp(t, { limits })
    let tried = 0
    // Fewer on the embedded database, where each attempt takes longer.
    for (let n = 0; n < (serverUrl === undefined ? 400 : 10_000); n++) {
      if (
        slugOf(
          await login(
            {
              username: n % 200 === 0 ? ada.username : `name-${n % 200}`,
              password: 'not the password'
            },
            '198.51.100.7'
          )
        ) === 'invalid-credentials'
      )
        tried++
    }
    t.equal(tried, 100)
    t.equal(twilio.messages.length, 0)
  })

  t.test('an address that tried too many usernames may continue after fifteen minutes', async t => {
    const { login, wait } = await startApp(t, { limits: { passwordFailures: 1 } })
    const tryName = (n: number) => login({ ...unknownUser, username: `name-${n}` })
    for (let n = 0; n < 10; n++) t.equal(slugOf(await tryName(n)), 'invalid-credentials')
    t.match((await tryName(10)).json(), { status: 429, reason: 'passwords', retryAfter: 900 })
    wait(899)
    t.match((await tryName(10)).json(), { status: 429, retryAfter: 1 })
    wait(1)
    t.equal(slugOf(await tryName(10)), 'invalid-credentials')
  })

  t.test('only ten of fifty concurrent wrong passwords are checked', async t => {
    const { login } = await startApp(t, { limits })
    const responses = await Promise.all(Array.from({ length: 50 }, () => login(wrong)))
    t.equal(responses.filter(response => slugOf(response) === 'invalid-credentials').length, 10)
    t.equal(responses.filter(response => slugOf(response) === 'too-many-attempts').length, 40)
  })

  t.test('an unknown username is counted and refused like a known one', async t => {
    const { login } = await startApp(t, { limits })
    const attempt = async (credentials: { username: string; password: string }) => {
      const responses = []
      for (let i = 0; i < 12; i++) responses.push(await login(credentials))
      return responses.map(response => ({
        status: response.statusCode,
        ...response.json(),
        instance: '',
        headers: { ...response.headers, date: '', 'content-length': '', 'x-request-id': '' }
      }))
    }
    t.same(await attempt(unknownUser), await attempt(wrong))
  })
})

t.test('IPv6 networks', async t => {
  t.test('the addresses of one IPv6 /56 count as one network', async t => {
    const { login } = await startApp(t, { limits })
    const responses = []
    for (let i = 0; i < 12; i++)
      responses.push(slugOf(await login(wrong, `2001:db8:7:ff0${i.toString(16)}::${i}`)))
    t.same(responses, [
      ...Array.from({ length: 10 }, () => 'invalid-credentials'),
      'too-many-attempts',
      'too-many-attempts'
    ])
    t.equal(slugOf(await login(wrong, '2001:db8:7:fe00::1')), 'invalid-credentials')
  })

  t.test("an IPv6 /48 gets four networks' attempts at one username and a /32 gets 64", async t => {
    const guesses = async (prefix: (n: number) => string, most: number) => {
      const { login } = await startApp(t, { limits: { passwordFailures: 1 } })
      let tried = 0
      for (let n = 0; n < most; n++)
        if (slugOf(await login(wrong, `${prefix(n)}::1`)) === 'invalid-credentials') tried++
      const other = slugOf(await login(wrong, '2001:db9::1'))
      return { tried, other }
    }
    t.same(await guesses(n => `2001:db8:7:${n.toString(16)}00`, 12), {
      tried: 4,
      other: 'invalid-credentials'
    })
    t.same(await guesses(n => `2001:db8:${n.toString(16)}`, 70), {
      tried: 64,
      other: 'invalid-credentials'
    })
  })

  t.test('a username under attack leaves a /48 twelve attempts and lets the owner in', async t => {
    const { login } = await startApp(t, { limits })
    for (let n = 0; n < 101; n++) await login(wrong, address(n))
    let tried = 0
    for (let n = 0; n < 20; n++)
      if (slugOf(await login(wrong, `2001:db8:7:${n.toString(16)}00::1`)) === 'invalid-credentials')
        tried++
    t.equal(tried, 12)
    t.equal((await login(ada, '2001:db8:8::1')).statusCode, 200)
  })

  t.test('a correct password refunds one attempt of its /48 and no other attempt', async t => {
    const { login, wait } = await startApp(t, { limits: { passwordFailures: 1 } })
    for (let n = 0; n < 3; n++) await login(wrong, `2001:db8:7:${n}00::1`)
    t.equal((await login(ada, '2001:db8:7:900::1')).statusCode, 200)
    wait(31)
    t.equal(slugOf(await login(wrong, '2001:db8:7:500::1')), 'invalid-credentials')
    t.equal(slugOf(await login(wrong, '2001:db8:7:600::1')), 'too-many-attempts')
  })

  t.test('the requests of an IPv6 /48 are limited to those of four networks', async t => {
    const { login } = await startApp(t, { limits: { requests: 2 } })
    const responses = []
    for (let n = 0; n < 12; n++)
      responses.push(slugOf(await login(unknownUser, `2001:db8:7:${n.toString(16)}00::1`)))
    t.equal(responses.filter(slug => slug === 'invalid-credentials').length, 8)
    t.equal(slugOf(await login(unknownUser, '2001:db8:8::1')), 'invalid-credentials')
  })
})

t.test('usernames under attack', async t => {
  t.test(
    'a username tried from hundreds of addresses gets longer windows and lets the owner in',
    async t => {
      const { login, wait } = await startApp(t, { limits })
      let tried = 0
      for (let n = 0; n < 200; n++)
        if (slugOf(await login(wrong, address(n))) === 'invalid-credentials') tried++
      t.equal(tried, 200, 'the first attempt of an address is never refused')

      // Windows grow from a hundred attempts on. Twice as many make them twice as long.
      for (let i = 0; i < 2; i++)
        t.equal(slugOf(await login(wrong, address(199))), 'invalid-credentials')
      t.match((await login(wrong, address(199))).json(), {
        status: 429,
        reason: 'passwords',
        retryAfter: 1800
      })
      t.equal(
        slugOf(await login(wrong, '203.0.113.9')),
        'invalid-credentials',
        'a typing error of the owner'
      )
      t.equal((await login(ada, '203.0.113.9')).statusCode, 200, 'the owner logs in')
      wait(1800)
      t.equal(slugOf(await login(wrong, address(199))), 'invalid-credentials')
    }
  )

  t.test(
    'concurrent wrong passwords from two hundred addresses all count for the username',
    async t => {
      const { login, rateLimits, clock } = await startApp(t, { limits, argon2: { queue: 200 } })
      const responses = await Promise.all(
        Array.from({ length: 200 }, (_, n) => login(wrong, address(n)))
      )
      const tried = responses.filter(response => slugOf(response) === 'invalid-credentials').length
      t.equal(tried, 200)
      const counts = await rateLimits.apply([consume(attemptsAtAda)], clock())
      t.same(counts, { 'password.name': 201 }, 'including this request')
    }
  )

  t.test('the longer windows end after four hours and the attack after a day', async t => {
    const service = await startApp(t, { limits: { passwordFailures: 5 } })
    const { login, wait } = service
    await countAttempts(service, 32 * 50)
    for (const passed of [0, 14_400]) {
      wait(passed)
      for (let i = 0; i < 3; i++) t.equal(slugOf(await login(wrong)), 'invalid-credentials')
      t.match((await login(wrong)).json(), { status: 429, reason: 'passwords', retryAfter: 14_400 })
    }
    wait(86_400 - 14_400)
    for (let i = 0; i < 4; i++) t.equal(slugOf(await login(wrong)), 'invalid-credentials')
  })

  t.test(
    'the owner of a username under attack has three attempts again after logging in',
    async t => {
      const service = await startApp(t, { limits })
      const { login } = service
      await countAttempts(service, 101)
      for (let round = 0; round < 2; round++) {
        for (let i = 0; i < 2; i++) t.equal(slugOf(await login(wrong)), 'invalid-credentials')
        t.equal((await login()).statusCode, 200)
      }
    }
  )

  t.test('an attempt that loses the race for the last available attempt is refunded', async t => {
    const service = await startApp(t)
    const { rateLimits, clock } = service
    const policy = { limits: { ...noLimits, ...limits } }
    const context = {
      address: '198.51.100.7',
      network: '198.51.100.7',
      widerNetworks: [],
      requestId: 'a',
      userId: null,
      languages: [],
      requestLimit: requestLimit([])
    }
    await countAttempts(service, 100)
    const attempt = passwordLimits(policy.limits, context, 'ada', clock())
    // All four pass the check before the first one consumes.
    for (let n = 0; n < 4; n++) await rateLimits.apply(attempt.onAttempt, clock())
    const slowed = () => backOff({ rateLimits, clock, policy }, context, 'ada', attempt, 104)
    for (let n = 0; n < 3; n++) await slowed()
    await t.rejects(slowed(), new Refusal('too-many-attempts', { reason: 'passwords' }))
    const failure = new Error('no database')
    const failing = {
      ...rateLimits,
      apply: (...args: Parameters<RateLimits['apply']>) =>
        args[0] === attempt.onAbort ? Promise.reject(failure) : rateLimits.apply(...args)
    }
    await t.rejects(
      backOff({ rateLimits: failing, clock, policy }, context, 'ada', attempt, 104),
      Object.assign(new Refusal('too-many-attempts', { reason: 'passwords' }), { cause: failure }),
      'even when the refund fails'
    )
    const counts = await rateLimits.apply([consume(attemptsAtAda)], clock())
    t.same(counts, { 'password.name': 104 }, 'including this request')
  })
})

t.test('refunds', async t => {
  t.test('a correct password refunds the attempts', async t => {
    const { login, wait } = await startApp(t, { limits })
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 9; i++) t.equal(slugOf(await login(wrong)), 'invalid-credentials')
      t.equal((await login()).statusCode, 200)
      wait(31)
    }
  })

  t.test('an operator can reset all attempts', async t => {
    const { login, users, rateLimits, wait } = await startApp(t, { limits })
    for (let i = 0; i < 11; i++) await login(wrong)
    t.equal(slugOf(await login()), 'too-many-attempts')
    await users.unlock({ username: ada.username })
    await rateLimits.clear(['password.here', 'password.name', 'password.slow'], { username: 'ada' })
    wait(61) // A refusal is cached for a minute.
    t.equal((await login()).statusCode, 200)
  })

  t.test('an attempt that was never checked is refunded', async t => {
    const { login, database } = await startApp(t, { limits })
    await database.prisma.$executeRaw`ALTER TABLE users RENAME TO users_elsewhere`
    t.teardown(
      () => database.prisma.$executeRaw`ALTER TABLE IF EXISTS users_elsewhere RENAME TO users`
    )
    for (let i = 0; i < 12; i++) t.equal((await login(wrong)).statusCode, 500)
    await database.prisma.$executeRaw`ALTER TABLE users_elsewhere RENAME TO users`
    for (let i = 0; i < 10; i++) t.equal(slugOf(await login(wrong)), 'invalid-credentials')
    t.equal(slugOf(await login(wrong)), 'too-many-attempts')
  })

  t.test('correct passwords count neither for the address nor for the username', async t => {
    const { rateLimits, clock, login, wait } = await startApp(t, {
      limits: { passwordFailures: 1 }
    })
    for (let n = 0; n < 12; n++) {
      t.match((await login()).json(), { sent: true })
      t.match((await login()).json(), { sent: false })
      wait(31)
    }
    t.same(await rateLimits.apply([consume(attemptsAtAda)], clock()), { 'password.name': 1 })
    t.equal(slugOf(await login(wrong)), 'invalid-credentials')
  })

  t.test('a correct password is not a failure when no message may be sent', async t => {
    const { countryTraffic, clock, login, wait } = await startApp(t, {
      limits: { passwordFailures: 1, messagesPerPhoneHour: 1 },
      policy: { conversion: { floor: 10, volume: 20, pause: 900 } }
    })
    t.equal((await login()).statusCode, 200)
    wait(31)
    for (let n = 0; n < 3; n++) t.equal(slugOf(await login()), 'too-many-texts', 'of the number')
    for (let n = 0; n < 20; n++) countryTraffic.recordSent('US', clock())
    wait(61)
    for (let n = 0; n < 3; n++)
      t.match(
        (await login()).json(),
        { type: /too-many-texts$/, retryAfter: 900 },
        'of the country'
      )
  })

  t.test('a correct password is not a failure while codes are locked', async t => {
    const { loginAndReadCode, login, verify } = await startApp(t, {
      limits: { passwordFailures: 1, codeFailures: 1 }
    })
    const { challengeToken, code } = await loginAndReadCode()
    await verify(challengeToken, differentCode(code))
    for (let n = 0; n < 3; n++) t.match((await login()).json(), { status: 429, reason: 'codes' })
  })

  for (const [where, before] of [
    ['', 0],
    [' at a username under attack', 101]
  ] as const) {
    t.test(`an attempt${where} whose hash fails is refunded`, async t => {
      const service = await startApp(t, { limits })
      const { login, duringHash } = service
      if (before > 0) await countAttempts(service, before)
      for (let i = 0; i < 12; i++) {
        duringHash(() => Promise.reject(new Error('out of memory')))
        t.equal((await login(wrong)).statusCode, 500)
      }
      for (let i = 0; i < (before === 0 ? 10 : 3); i++)
        t.equal(slugOf(await login(wrong)), 'invalid-credentials')
      t.equal(slugOf(await login(wrong)), 'too-many-attempts')
    })
  }
})

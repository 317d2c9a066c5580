import { inspect } from 'node:util'
import type { LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { limitCommands } from '../../src/commands/limit-commands.ts'
import { userCommands } from '../../src/commands/user-commands.ts'
import { runCommandHere } from '../support/run-command-here.ts'
import { ada, differentCode, slugOf, startApp, type StartOptions } from '../support/start-app.ts'
import { reject } from '../support/twilio-stand-in.ts'

type Service = Awaited<ReturnType<typeof startApp>>

/** A failed login, and how an operator finds its cause. */
type Cause = {
  options?: StartOptions
  /** Resolves to the response to the user. */
  fail: (service: Service) => Promise<LightMyRequestResponse>
  slug: string
  /** The only command that the operator runs, and what its output has to contain. */
  command: string[]
  shows: RegExp[]
  /** One of the events with the id of the request. */
  event: Record<string, unknown>
}

const wrong = { ...ada, password: 'not the password' }
const showAda = ['users', 'show', 'ada']
const time = String.raw`20\d\d-\d\d-\d\d \d\d:\d\dZ`
const cannotLogIn = (reason: string) => [
  new RegExp(String.raw`\n\nada cannot log in until ${time}: ${reason}\.$`)
]
const policy = { resendCooldown: 0 }
const exceeded = (limit: string | RegExp, variable: string | null) => ({
  event: 'rate_limit.exceeded',
  limit,
  variable
})

/** Logs in as often as the limit allows, and once more. */
const logInAgain =
  (times: number) =>
  async ({ login }: Service) => {
    for (let n = 0; n < times; n++) t.equal((await login()).statusCode, 200)
    return login()
  }

const account: Record<string, Cause> = {
  'a disabled user': {
    async fail({ login, users, clock }) {
      await users.change({ username: 'ada' }, { disabled: true }, clock())
      return login()
    },
    slug: 'invalid-credentials',
    command: showAda,
    shows: [/^state +disabled$/m, /\n\nada cannot log in: disabled\.$/],
    event: { event: 'password.rejected', reason: 'disabled' }
  },
  'a user without a number': {
    async fail({ login, users, clock }) {
      await users.change({ username: 'ada' }, { phone: null }, clock())
      return login()
    },
    slug: 'invalid-credentials',
    command: showAda,
    shows: [/^phone +none$/m, /\n\nada cannot log in: no phone number\.$/],
    event: { event: 'password.rejected', reason: 'no-phone' }
  },
  'an unreadable password hash': {
    async fail({ login, prisma }) {
      await prisma.user.updateMany({ data: { passwordDigest: 'damaged' } })
      return login()
    },
    slug: 'invalid-credentials',
    command: showAda,
    shows: [
      /^password hash +unreadable$/m,
      /\n\nada cannot log in: the stored password hash is un/
    ],
    event: { event: 'password.digest_unreadable' }
  },
  'too many wrong codes': {
    options: { limits: { codeFailures: 3 } },
    async fail({ login, loginAndReadCode, verify }) {
      const { challengeToken, code } = await loginAndReadCode()
      for (let n = 0; n < 3; n++) await verify(challengeToken, differentCode(code))
      return login()
    },
    slug: 'too-many-attempts',
    command: showAda,
    shows: [/^login codes +3 wrong in a row, locked until/m, ...cannotLogIn('3 wrong codes')],
    event: exceeded('codes', 'LIMIT_CODE_FAILURES')
  },
  'too many wrong passwords': {
    options: { limits: { passwordFailures: 2 } },
    async fail({ login }) {
      for (let n = 0; n < 2; n++) await login(wrong)
      return login()
    },
    slug: 'too-many-attempts',
    command: showAda,
    shows: [
      /password\.here: 2 of 2 until .*, set by LIMIT_PASSWORD_FAILURES$/m,
      new RegExp(`can log in, but not from every network until ${time}: 2 wrong passwords from one`)
    ],
    event: exceeded('password.here', 'LIMIT_PASSWORD_FAILURES')
  }
}

const pausedCountry: Cause = {
  async fail({ login, prisma, clock }) {
    const until = new Date(clock().getTime() + 900_000)
    await prisma.countryTraffic.create({
      data: { country: 'US', messages: 0, verified: 0, resetsAt: until, pausedUntil: until }
    })
    return login()
  },
  options: { policy: { conversion: { floor: 10, volume: 500, pause: 900 } } },
  slug: 'too-many-texts',
  command: showAda,
  shows: cannotLogIn(String.raw`messages to US are paused \(sms\.country-paused\)`),
  event: exceeded('sms.country-paused', 'SMS_CONVERSION_FLOOR')
}

const messages: Record<string, Cause> = {
  'a number that cannot receive messages': {
    async fail({ login, twilio }) {
      twilio.failNext(reject(400, 21614))
      await login()
      return login()
    },
    slug: 'sms-undeliverable',
    command: showAda,
    shows: [
      /^messages to it +undeliverable \(not-mobile\) since 20.*Z, next try after 20.*Z$/m,
      /\n\nada cannot log in until .*: Twilio reported the number as undeliverable \(not-mobile\)\./
    ],
    event: exceeded('undeliverable.not-mobile', null)
  },
  'too many messages to the number in an hour': {
    options: { policy, limits: { messagesPerPhoneHour: 2 } },
    async fail({ loginAndReadCode, verify, login, wait }) {
      for (let n = 0; n < 2; n++) {
        const { challengeToken, code } = await loginAndReadCode()
        await verify(challengeToken, code)
      }
      wait(60)
      return login()
    },
    slug: 'too-many-texts',
    command: showAda,
    shows: [
      /sms\.phone-hour: 2 of 2 until .*, set by LIMIT_TEXTS_PER_PHONE_HOUR$/m,
      ...cannotLogIn('2 messages to the number in an hour, 2 messages of the account in an hour')
    ],
    event: exceeded(/^sms\.(phone|account)-hour$/, 'LIMIT_TEXTS_PER_PHONE_HOUR')
  },
  'too many messages to the number in a day': {
    options: { policy, limits: { messagesPerPhoneDay: 1 } },
    fail: logInAgain(1),
    slug: 'too-many-texts',
    command: showAda,
    shows: [
      /sms\.phone-day: 1 of 1 until .*, set by LIMIT_TEXTS_PER_PHONE_DAY$/m,
      // The code that was sent is still valid.
      /ada can log in with the code that is valid until .*\. No other code can be sent until .*: 1 m/
    ],
    event: exceeded(/^sms\.(phone|account)-day$/, 'LIMIT_TEXTS_PER_PHONE_DAY')
  },
  'too many messages to the country': {
    options: { policy, limits: { messagesPerCountryHour: 1 } },
    async fail({ login, wait }) {
      await login()
      wait(60)
      return login()
    },
    slug: 'too-many-texts',
    command: showAda,
    shows: [
      /sms\.country-hour: 1 of 1 until .*, set by LIMIT_TEXTS_PER_COUNTRY_HOUR$/m,
      ...cannotLogIn('1 messages to the country in an hour')
    ],
    event: exceeded('sms.country-hour', 'LIMIT_TEXTS_PER_COUNTRY_HOUR')
  },
  'a paused country': pausedCountry,
  'too many messages in total': {
    options: { policy, limits: { messagesPerHour: 1 } },
    fail: logInAgain(1),
    slug: 'too-many-texts',
    command: ['limits', 'show', 'total'],
    shows: [
      /^sms\.hour: 1 of 1 until .*, set by LIMIT_TEXTS_PER_HOUR$/m,
      /\n\ntotal is refused until/
    ],
    event: exceeded('sms.hour', 'LIMIT_TEXTS_PER_HOUR')
  },
  'wrong credentials of Twilio': {
    fail({ login, twilio }) {
      twilio.failNext(reject(401, 20003))
      return login()
    },
    slug: 'sms-unavailable',
    command: showAda,
    shows: [
      /^last login code +not sent at /m,
      /The last code did not arrive: Twilio did not accept/
    ],
    event: { event: 'sms.failed', reason: 'credentials' }
  }
}

const requests: Record<string, Cause> = {
  'too many requests of an address': {
    options: { limits: { requests: 1 } },
    fail: logInAgain(1),
    slug: 'too-many-attempts',
    command: ['limits', 'show', 'ip', '127.0.0.1'],
    shows: [
      /^127\.0\.0\.1 {2}requests: 1 of 1 until .*, set by LIMIT_IP_PER_MINUTE$/m,
      /\n\nip 127\.0\.0\.1 is refused until .*: requests\.$/
    ],
    event: exceeded('requests', 'LIMIT_IP_PER_MINUTE')
  },
  'too many messages for an address': {
    options: { policy, limits: { messagesPerNetworkHour: 1 } },
    fail: logInAgain(1),
    slug: 'too-many-texts',
    command: ['limits', 'show', 'ip', '127.0.0.1'],
    shows: [/^127\.0\.0\.1 {2}sms\.network-hour: 1 of 1 until .*LIMIT_TEXTS_PER_IP_HOUR$/m],
    event: exceeded('sms.network-hour', 'LIMIT_TEXTS_PER_IP_HOUR')
  },
  'a code that has expired': {
    async fail({ loginAndReadCode, verify, wait }) {
      const { challengeToken, code } = await loginAndReadCode()
      wait(60)
      return verify(challengeToken, code)
    },
    slug: 'code-expired',
    command: showAda,
    shows: [/^last login code +sent .*; expired .*, another can be requested$/m],
    event: { event: 'code.rejected', reason: 'expired' }
  },
  'a code of a login that a newer one replaced': {
    options: { policy },
    async fail({ loginAndReadCode, login, verify }) {
      const { challengeToken, code } = await loginAndReadCode()
      await login()
      return verify(challengeToken, code)
    },
    slug: 'challenge-ended',
    command: showAda,
    shows: [/^last login code +sent .*; valid until .*, 5 attempts left, earlier codes are void$/m],
    event: { event: 'challenge.rejected', reason: 'replaced' }
  }
}

async function isExplained(
  t: Test,
  { options = {}, fail, slug, command, shows, event }: Cause
): Promise<void> {
  const service = await startApp(t, options)
  const answer = await fail(service)
  t.equal(slugOf(answer), slug)
  const events = service.logged
    .map(line => JSON.parse(line))
    .filter(({ reqId }) => reqId === answer.json().instance)
  t.ok(
    events.some(line =>
      Object.entries(event).every(([name, value]) =>
        value instanceof RegExp ? value.test(line[name]) : line[name] === value
      )
    ),
    `the log has ${inspect(event)} of the request`
  )
  const [program, ...args] = command
  const commands = program === 'users' ? userCommands : limitCommands
  const output = await runCommandHere(commands, service, args)
  for (const pattern of shows) t.match(output, pattern)
}

for (const [title, causes] of Object.entries({ account, messages, requests }))
  t.test(`one command and the log explain a login that fails: ${title}`, async t => {
    for (const [name, cause] of Object.entries(causes))
      await t.test(name, t => isExplained(t, cause))
  })

t.test('the operator', async t => {
  const limits = { passwordFailures: 2, messagesPerPhoneHour: 2, codeFailures: 3 }

  t.test(
    'sees which of the limits of a wider network are exhausted, and which are not',
    async t => {
      const service = await startApp(t, { limits: { passwordFailures: 2 } })
      const payload = { username: 'ada', password: wrong.password }
      const from = (remoteAddress: string) =>
        service.app.inject({ method: 'POST', url: '/login', payload, remoteAddress })
      for (const subnet of ['100', '200']) await from(`2001:db8:7:${subnet}::1`)
      const shown = await runCommandHere(userCommands, service, ['show', 'ada'])
      t.match(shown, /^exhausted limits +none$/m, 'two failures of the /48, which may have eight')
      const ip = await runCommandHere(limitCommands, service, ['show', 'ip', '2001:db8:7:100::2'])
      t.match(ip, /^2001:db8:7:100::\/56 {2}password\.here: 1 of 2 until/m)
      t.match(ip, /^2001:db8:7::\/48 {2}password\.here: 2 of 8 until/m)
    }
  )

  t.test('gets one line about the limits without SECRET, and all the rest', async t => {
    const service = await startApp(t, { limits })
    for (let n = 0; n < 2; n++) await service.login(wrong)
    const options = { withSecret: false }
    const shown = await runCommandHere(userCommands, service, ['show', 'ada'], options)
    t.equal(shown.split('\n').filter(line => /SECRET must be set/.test(line)).length, 1)
    t.match(shown, /^password hash +argon2id/m)
    t.match(shown, /\n\nada can log in\. Rate limits are unknown without SECRET\.$/)
    await t.rejects(
      runCommandHere(limitCommands, service, ['show', 'country', 'GB'], options),
      /^SECRET must be set/
    )
    t.match(
      await runCommandHere(limitCommands, service, ['show', 'total'], options),
      /^sms\.hour: off, set by LIMIT_TEXTS_PER_HOUR$/m
    )
  })

  t.test('resets all limits of a user with unlock, which lists them', async t => {
    const service = await startApp(t, { policy, limits })
    const { loginAndReadCode, login, verify, twilio, wait } = service
    const { challengeToken, code } = await loginAndReadCode()
    for (let n = 0; n < 3; n++) await verify(challengeToken, differentCode(code))
    for (let n = 0; n < 2; n++) await login(wrong)
    const unlocked = await runCommandHere(userCommands, service, ['unlock', 'ada'])
    for (const line of [
      'Reset login codes: 3 wrong in a row.',
      'Reset rate limit password.here.',
      'Reset rate limit sms.phone-hour.',
      'Reset rate limit sms.account-hour.',
      'Not reset: limits of an address, a country and in total; see npm run limits.'
    ])
      t.ok(unlocked.split('\n').includes(line), line)
    wait(5)
    twilio.failNext(reject(400, 21614))
    t.equal(slugOf(await login()), 'sms-undeliverable')
    const again = await runCommandHere(userCommands, service, ['unlock', 'ada'])
    t.match(again, /^Reset rate limit undeliverable\.not-mobile\.$/m)
    wait(5)
    t.equal((await login()).statusCode, 200)
    t.match(
      JSON.parse(await runCommandHere(userCommands, service, ['show', 'ada'], { json: true })),
      { undeliverable: [], exhaustedLimits: [], canLogIn: true, lastCodes: [{ state: 'open' }] }
    )
  })

  t.test('resets the limits of an address, of a country and in total', async t => {
    for (const [limits, subject, name] of [
      [{ requests: 1 }, ['ip', '127.0.0.1'], 'requests'],
      [{ messagesPerCountryHour: 1 }, ['country', 'us'], 'sms.country-hour'],
      [{ messagesPerHour: 1 }, ['total'], 'sms.hour']
    ] as const) {
      const service = await startApp(t, { policy, limits })
      t.not(slugOf(await logInAgain(1)(service)), undefined)
      const cleared = await runCommandHere(limitCommands, service, ['clear', ...subject])
      t.match(cleared, `Reset rate limit ${name}.\n`)
      t.match(cleared, '\nA running server may refuse requests for another five seconds.')
      service.wait(5)
      t.equal((await service.login()).statusCode, 200, 'the server has noticed after five seconds')
      const events = service.logged.map(line => JSON.parse(line))
      t.match(
        events.filter(({ event }) => event === 'limits.cleared'),
        [{ actor: 'operator', subject: subject.join(' ').replace('us', 'US') }]
      )
    }
  })

  t.test('ends the pause of a country, which the server notices within a second', async t => {
    const { options = {}, fail } = pausedCountry
    const service = await startApp(t, options)
    t.equal(slugOf(await fail(service)), 'too-many-texts')
    t.match(
      await runCommandHere(limitCommands, service, ['show', 'country', 'US']),
      /\n\ncountry US is refused until .*: sms\.country-paused\.$/
    )
    t.match(
      await runCommandHere(limitCommands, service, ['clear', 'country', 'US']),
      /^Ended the pause of messages\.$/m
    )
    service.wait(1)
    t.equal((await service.login()).statusCode, 200)
    t.match(
      await runCommandHere(limitCommands, service, ['clear', 'country', 'FR']),
      /^There was nothing to reset\.\n/
    )
  })
})

import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { LightMyRequestResponse } from 'fastify'
import { decodeJwt, decodeProtectedHeader, SignJWT, type CryptoKey, type KeyObject } from 'jose'
import t, { type Test } from 'tap'
import { deriveKey } from '../../src/domain/derive-key.ts'
import { refusalReasons, type RefusalReason } from '../../src/domain/refusal.ts'
import { generateApiKey } from '../../src/domain/admin/api-keys.ts'
import { startAdmin } from '../support/start-admin.ts'
import { ada, differentCode, slugOf, type StartOptions } from '../support/start-app.ts'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const otherKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const secrets = [randomBytes(32)] as const

/** The reasons that the tests of this file have found in the log. */
const explained = new Set<string>()

/** Starts a service. `isExplained` asserts that its log explains a refusal. */
async function start(t: Test, options: StartOptions = {}) {
  const service = await startAdmin(t, { signingKeys: [privateKey], secrets, ...options })
  /** Asserts that the log has one event with `facts` for the id of this response. */
  function isExplained(response: LightMyRequestResponse, slug: string, facts: Facts): void {
    t.equal(slugOf(response), slug, response.body)
    const { instance } = response.json()
    t.equal(response.headers['x-request-id'], instance)
    const events = service.logged
      .map(line => JSON.parse(line))
      .filter(({ reqId, event }) => reqId === instance && event === facts.event)
    t.match(events, [facts], `${slug}: ${facts.reason ?? facts.variable}`)
    explained.add(facts.reason === undefined ? String(facts.variable) : `${slug} ${facts.reason}`)
  }
  return { ...service, isExplained }
}

type Facts = { event: string; reason?: RefusalReason; variable?: string; userId?: unknown }

/** Returns a copy of the token with changed claims or headers, signed with `key`. */
function signAgain(
  token: string,
  key: CryptoKey | KeyObject | Uint8Array,
  { claims = {}, header = {} }: { claims?: object; header?: object } = {}
) {
  const { alg = 'ES256', ...original } = decodeProtectedHeader(token)
  return new SignJWT({ ...decodeJwt(token), ...claims })
    .setProtectedHeader({ ...original, alg, ...header })
    .sign(key)
}

t.test('access tokens', async t => {
  const service = await start(t)
  const { app, isExplained, loginAndReadCode, logIn, logout, me, wait } = service
  const { challengeToken } = await loginAndReadCode()
  const { accessToken, refreshToken } = await logIn()
  const userId = decodeJwt(accessToken).sub
  const meWith = (authorization: string) => app.inject({ url: '/me', headers: { authorization } })

  t.test('the log names what is wrong with an access token', async t => {
    const rejected = (reason: RefusalReason) => ({ event: 'access_token.rejected', reason })
    const isRejected = (response: LightMyRequestResponse, reason: RefusalReason) => {
      isExplained(response, 'invalid-token', rejected(reason))
    }
    isRejected(await me(), 'missing')
    isRejected(await meWith('Basic YWRhOng='), 'malformed')
    isRejected(await meWith('Bearer nonsense'), 'malformed')
    isRejected(await me(challengeToken), 'wrong-kind')
    isRejected(await me(await signAgain(accessToken, otherKey)), 'forged')
    const header = { kid: 'retired' }
    isRejected(await me(await signAgain(accessToken, otherKey, { header })), 'unknown-key')
    for (const claims of [
      { iss: 'https://evil.example' },
      { aud: 'https://other.example' },
      { aud: ['https://api.example'] },
      { sid: undefined },
      { nbf: Number(decodeJwt(accessToken).exp) }
    ])
      isRejected(await me(await signAgain(accessToken, privateKey, { claims })), 'wrong-claims')

    await logout(refreshToken)
    const ended = await me(accessToken)
    isExplained(ended, 'invalid-token', { ...rejected('session-ended'), userId })
    wait(900)
    isExplained(await me(accessToken), 'invalid-token', { ...rejected('expired'), userId })
    t.match(service.logged.map(line => JSON.parse(line)).at(-1), { userId, status: 401 })
  })

  t.test('the log names the reason why a new login is required', async () => {
    const { accessToken: old } = await logIn()
    const event = 'reauthentication.required'
    const claims = { amr: ['pwd'] }
    const oneFactor = await service.confirm(await signAgain(old, privateKey, { claims }))
    isExplained(oneFactor, 'reauthentication-required', { event, reason: 'one-factor', userId })
    const long = { claims: { auth_time: Number(decodeJwt(old).auth_time) - 900 } }
    const tooOld = await service.confirm(await signAgain(old, privateKey, long))
    isExplained(tooOld, 'reauthentication-required', { event, reason: 'too-old', userId })
  })
})

t.test('the log names what is wrong with an API key', async t => {
  const { adminApp, isExplained } = await start(t)
  for (const [headers, reason] of [
    [{}, 'api-key-missing'],
    [{ authorization: 'Basic YWRhOng=' }, 'api-key-malformed'],
    [{ authorization: `Bearer ${generateApiKey()}` }, 'api-key-unknown']
  ] as const)
    isExplained(await adminApp.inject({ url: '/users', headers }), 'invalid-token', {
      event: 'api_key.rejected',
      reason
    })
})

t.test('the log names what is wrong with a refresh token', async t => {
  const { isExplained, logIn, logout, refresh, wait } = await start(t)
  const event = 'refresh_token.rejected'
  isExplained(await refresh('nonsense'), 'session-ended', { event, reason: 'malformed' })
  const { refreshToken } = await logIn()
  await refresh(refreshToken)
  wait(60)
  const userId = String
  isExplained(await refresh(refreshToken), 'session-ended', { event, reason: 'reused', userId })
  const other = await logIn()
  await logout(other.refreshToken)
  isExplained(await refresh(other.refreshToken), 'session-ended', { event, reason: 'ended' })
})

t.test('challenges', async t => {
  type Prepare = (service: Service, token: string) => Promise<string>
  const cases: Record<string, Prepare> = {
    malformed: async () => 'nonsense',
    'wrong-kind': ({ accessToken }) => accessToken({ ...ada }),
    forged: (_service, token) => signAgain(token, randomBytes(32)),
    'unknown-key': (_service, token) =>
      signAgain(token, randomBytes(32), { header: { kid: 'retired' } }),
    'wrong-claims': (_service, token) =>
      signAgain(token, deriveKey(secrets[0], 'challenge-token'), {
        claims: { iss: 'https://evil.example' }
      }),
    expired: async ({ wait }, token) => {
      wait(601)
      return token
    },
    used: async ({ twilio, verify }, token) => {
      await verify(token, twilio.lastCode())
      return token
    },
    replaced: async ({ login, wait }, token) => {
      wait(31)
      await login()
      return token
    },
    'out-of-attempts': async ({ twilio, verify }, token) => {
      await verify(token, differentCode(twilio.lastCode()))
      return token
    }
  }
  for (const [reason, prepare] of Object.entries(cases) as [RefusalReason, Prepare][])
    t.test(`the log says that a challenge is ${reason}, after /verify and /resend`, async t => {
      const service = await start(t, { policy: { codeAttempts: 1 } })
      const { challengeToken } = await service.loginAndReadCode()
      const token = await prepare(service, challengeToken)
      for (const response of [await service.verify(token, '000000'), await service.resend(token)])
        service.isExplained(response, 'challenge-ended', { event: 'challenge.rejected', reason })
    })

  t.test('the log says that the account changed while its code was verified', async t => {
    const service = await start(t)
    const { isExplained, loginAndReadCode, prisma, verify } = service
    const { challengeToken, code } = await loginAndReadCode()
    await prisma.user.updateMany({ data: { disabled: true } })
    const response = await verify(challengeToken, code)
    const facts = { event: 'challenge.rejected', reason: 'changed', userId: String } as const
    isExplained(response, 'challenge-ended', facts)
  })
})

type Service = Awaited<ReturnType<typeof start>>

t.test('credentials', async t => {
  const service = await start(t)
  const { addUser, changePassword, isExplained, logIn, login, prisma } = service
  const event = 'password.rejected'
  const isRejected = async (username: string, reason: RefusalReason) => {
    isExplained(await login({ username, password: ada.password }), 'invalid-credentials', {
      event,
      reason
    })
  }
  const { accessToken } = await logIn()

  t.test('the log says why a login was rejected, and the response does not', async t => {
    for (const username of ['grace', 'joan', 'kay'])
      await addUser({
        username,
        password: username === 'kay' ? 'another password' : ada.password,
        phone: username === 'joan' ? null : '+12025550144'
      })
    await prisma.user.updateMany({ where: { username: 'grace' }, data: { disabled: true } })
    await isRejected('nobody', 'unknown-user')
    await isRejected('grace', 'disabled')
    await isRejected('joan', 'no-phone')
    await isRejected('kay', 'wrong-password')
    const bodies = ['nobody', 'grace', 'joan', 'kay'].map(async username => {
      const { instance: _instance, ...rest } = (
        await login({ username, password: ada.password })
      ).json()
      return JSON.stringify(rest)
    })
    t.equal(new Set(await Promise.all(bodies)).size, 1)
  })

  t.test('the log says that the current password was wrong', async () => {
    const reason = 'wrong-current-password'
    const response = await changePassword(accessToken, 'a new long password', 'not the password')
    isExplained(response, 'invalid-credentials', { event, reason, userId: String })
  })
})

t.test('codes', async t => {
  t.test('the log says that a code was wrong or had expired', async t => {
    const service = await start(t, { policy: { codeAttempts: 2 } })
    const { isExplained, loginAndReadCode, resend, twilio, verify, wait } = service
    const { challengeToken, code } = await loginAndReadCode()
    const wrong = { event: 'code.rejected', reason: 'wrong', userId: String } as const
    wait(60)
    const expired = { ...wrong, reason: 'expired' } as const
    isExplained(await verify(challengeToken, code), 'code-expired', expired)
    await resend(challengeToken)
    const other = differentCode(twilio.lastCode())
    for (let left = 1; left >= 0; left--) {
      const response = await verify(challengeToken, other)
      isExplained(response, 'wrong-code', wrong)
      t.equal(response.json().attemptsRemaining, left)
      t.notOk('retryAfter' in response.json())
      explained.add(`wrong-code ${left === 0 ? 'last-attempt' : 'wrong'}`)
    }
  })

  t.test('the log and the response say that a wrong code has locked the account', async t => {
    const service = await start(t, { limits: { codeFailures: 5 } })
    const { isExplained, loginAndReadCode, prisma, verify } = service
    for (const [failures, seconds, reason] of [
      [4, 900, 'locked'],
      [9, 1800, 'locked'],
      [99, 86_400, 'locked-off']
    ] as const) {
      await prisma.user.updateMany({ data: { codeFailures: failures, codeLockedUntil: null } })
      const { challengeToken, code } = await loginAndReadCode()
      const response = await verify(challengeToken, differentCode(code))
      const event = 'account.locked'
      const { detail, retryAfter, attemptsRemaining } = response.json()
      t.equal(slugOf(response), 'wrong-code')
      t.match({ retryAfter, attemptsRemaining }, { retryAfter: seconds, attemptsRemaining: 0 })
      t.equal(response.headers['retry-after'], String(seconds))
      t.match(detail, reason === 'locked' ? `locked for ${seconds} seconds` : /until the operator/)
      const line = service.logged
        .map(entry => JSON.parse(entry))
        .find(entry => entry.event === event)
      t.match(line, { failures: failures + 1, seconds, reqId: response.json().instance })
      explained.add(`wrong-code ${reason}`)
      service.logged.length = 0
      t.equal((await verify(challengeToken, code)).headers['retry-after'], String(seconds))
      await prisma.challenge.deleteMany()
    }
    const facts = { event: 'rate_limit.exceeded', variable: 'LIMIT_CODE_FAILURES' }
    isExplained(await service.login(), 'too-many-attempts', facts)
  })
})

t.test('rate limits', async t => {
  const wrong = { ...ada, password: 'not the password' }
  const conversion = { floor: 10, volume: 20, pause: 900 }
  const resendUntilRefused = async ({ loginAndReadCode, resend, wait }: Service) => {
    const { challengeToken } = await loginAndReadCode()
    wait(31)
    return resend(challengeToken)
  }
  const readTwice = async ({ accessToken, me }: Service) => {
    const token = await accessToken()
    await me(token)
    return me(token)
  }
  const cases: Record<
    string,
    [StartOptions, (service: Service) => Promise<LightMyRequestResponse>, string?]
  > = {
    LIMIT_IP_PER_MINUTE: [
      { limits: { requests: 1 } },
      async ({ login }) => {
        await login()
        return login()
      }
    ],
    LIMIT_READS_PER_SESSION_MINUTE: [{ limits: { requestsPerSession: 1 } }, readTwice],
    LIMIT_READS_PER_IP_MINUTE: [{ limits: { sessionRequestsPerNetwork: 1 } }, readTwice],
    LIMIT_PASSWORD_FAILURES: [
      { limits: { passwordFailures: 1 } },
      async ({ login }) => {
        await login(wrong)
        return login(wrong)
      }
    ],
    RESEND_COOLDOWN: [
      {},
      async ({ loginAndReadCode, resend }) => resend((await loginAndReadCode()).challengeToken),
      'resend-too-soon'
    ],
    LIMIT_TEXTS_PER_PHONE_HOUR: [{ limits: { messagesPerPhoneHour: 1 } }, resendUntilRefused],
    LIMIT_TEXTS_PER_PHONE_DAY: [{ limits: { messagesPerPhoneDay: 1 } }, resendUntilRefused],
    LIMIT_TEXTS_PER_IP_HOUR: [{ limits: { messagesPerNetworkHour: 1 } }, resendUntilRefused],
    LIMIT_TEXTS_PER_COUNTRY_HOUR: [{ limits: { messagesPerCountryHour: 1 } }, resendUntilRefused],
    LIMIT_TEXTS_PER_HOUR: [{ limits: { messagesPerHour: 1 } }, resendUntilRefused],
    SMS_CONVERSION_FLOOR: [
      { policy: { conversion } },
      async ({ clock, countryTraffic, login, wait }) => {
        for (let n = 0; n < 20; n++) countryTraffic.recordSent('US', clock())
        wait(61)
        return login()
      }
    ]
  }
  for (const [variable, [options, refuse, slug]] of Object.entries(cases))
    t.test(`the log names ${variable} for a request that it refuses`, async t => {
      const service = await start(t, options)
      const response = await refuse(service)
      t.equal(response.statusCode, 429)
      service.isExplained(response, slug ?? String(slugOf(response)), {
        event: 'rate_limit.exceeded',
        variable
      })
    })
})

t.test('the tests of this file cover every reason of a refusal', async t => {
  const reasons = Object.entries(refusalReasons).flatMap(([slug, all]) =>
    slug === 'too-many-attempts' ? [] : all.map(reason => `${slug} ${reason}`)
  )
  t.same(
    reasons.filter(reason => !explained.has(reason)),
    []
  )
})

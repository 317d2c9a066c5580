import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { LightMyRequestResponse } from 'fastify'
import pino from 'pino'
import root, { type Test } from 'tap'
import { createPasswords, type PasswordSettings } from '../../src/adapters/secrets/passwords.ts'
import { loadCommonPasswords } from '../../src/adapters/secrets/load-common-passwords.ts'
import { classifyDatabaseError } from '../../src/adapters/postgres/classify-database-error.ts'
import { databaseReady, type ReadinessTimes } from '../../src/adapters/postgres/database-ready.ts'
import {
  countryOf,
  createPhoneCheck,
  type Countries
} from '../../src/adapters/sms/libphonenumber-phones.ts'
import { createSecurityLog } from '../../src/adapters/logs/security-log.ts'
import {
  createSessionRequestLimiter,
  type SessionRequestSettings
} from '../../src/adapters/stores/session-request-limiter.ts'
import { createRateLimitStore } from '../../src/adapters/stores/rate-limits.ts'
import { createAccountStore } from '../../src/adapters/stores/accounts.ts'
import { createChallengeStore } from '../../src/adapters/stores/challenges.ts'
import { createCountryTraffic } from '../../src/adapters/stores/country-traffic.ts'
import { createPhoneChangeStore } from '../../src/adapters/stores/phone-changes.ts'
import { createSessionStore } from '../../src/adapters/stores/sessions.ts'
import { createUserDirectory } from '../../src/adapters/stores/user-directory.ts'
import { createUserStore } from '../../src/adapters/stores/users.ts'
import { createDatabaseRecovery } from '../../src/adapters/postgres/database-recovery.ts'
import { createSharedReadiness } from '../../src/adapters/postgres/shared-readiness.ts'
import { createAllowedNumbersSms } from '../../src/adapters/sms/allowed-numbers-sms.ts'
import { createRecoveryNotingSms } from '../../src/adapters/sms/recovery-noting-sms.ts'
import { createTrackedSms } from '../../src/adapters/sms/tracked-sms.ts'
import { createTwilioCallbacks } from '../../src/adapters/sms/twilio-callbacks.ts'
import { createTwilioFeedback } from '../../src/adapters/sms/twilio-feedback.ts'
import { createTwilioSms, type TwilioSettings } from '../../src/adapters/sms/twilio-sms.ts'
import { noMessageFeedback } from '../../src/adapters/sms/no-message-feedback.ts'
import { noStatusCallbacks } from '../../src/adapters/sms/no-status-callbacks.ts'
import { buildApp, type Settings } from '../../src/app.ts'
import { readConfig } from '../../src/config/config.ts'
import { deriveKey } from '../../src/domain/derive-key.ts'
import type { Clock } from '../../src/domain/clock.ts'
import type { Limits } from '../../src/domain/rate-limits/limits.ts'
import type { Policy } from '../../src/domain/policy.ts'
import type { Ports } from '../../src/domain/ports.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'
import {
  startTwilioStandIn,
  statusCallback,
  twilioAccount,
  type CallbackChange,
  type StatusCallback
} from './twilio-stand-in.ts'

export const ada = { username: 'ada', password: 'correct horse battery', phone: '+12025550143' }

/** An action to confirm. */
export const transfer = {
  action: 'transfer',
  data: { amount: '250.00', currency: 'EUR', payee: 'Grace Hopper' },
  reference: 'order-1815'
}

type TestUser = { username: string; password: string; phone: string }

// Twilio is configured, because a server that only prints its messages doesn't limit them.
const defaults = readConfig({
  TWILIO_ACCOUNT_SID: twilioAccount.accountSid,
  TWILIO_AUTH_TOKEN: twilioAccount.authToken,
  TWILIO_FROM: '+15005550006'
}).policy
export const defaultLimits = defaults.limits
export const noLimits = Object.fromEntries(
  Object.keys(defaultLimits).map(name => [name, 0])
) as Limits

export type StartOptions = Partial<Omit<Settings, 'policy'>> & {
  policy?: Partial<Omit<Policy, 'limits'>>
  /**
   * All limits are off except those given here. `defaultLimits` are the limits of a service without
   * configuration.
   */
  limits?: Partial<Limits>
  argon2?: Partial<PasswordSettings>
  reads?: Partial<SessionRequestSettings>
  /**
   * Replaces the database that the tests of a file share, for example by that of another instance
   * or one that the test breaks.
   */
  database?: TestDatabase
  /** The clock of another instance. `wait` then has no effect on this one. */
  clock?: Clock
  /** Does not add Ada, for example because another instance has added her. */
  withoutUsers?: boolean
  twilioTimeoutMs?: number
  /** Where Twilio reports the status of messages. */
  publicUrl?: string
  /** The auth tokens that may sign these reports. The first one is the stand-in's. */
  authTokens?: readonly [string, ...string[]]
  /** Whether to report entered codes to Twilio. */
  feedback?: boolean
  /** The countries of numbers that users may change to. */
  countries?: Countries
  readiness?: ReadinessTimes
}

/**
 * Starts the real application on a real database with real hashes and tokens and Twilio's own SDK.
 * A stand-in on loopback replaces Twilio, and the test moves the clock. Ada is the only user by
 * default.
 */
export async function startApp(
  t: Test,
  {
    policy: ownPolicy,
    limits,
    argon2,
    reads,
    database,
    clock: sharedClock,
    withoutUsers = false,
    twilioTimeoutMs = 20_000,
    publicUrl,
    authTokens = [twilioAccount.authToken],
    feedback = false,
    countries,
    readiness,
    secrets = [randomBytes(32)],
    ...settings
  }: StartOptions = {}
) {
  const twilio = await startTwilioStandIn(t)
  database ??= await emptied(await (shared ??= createTestDatabase(root)))
  const { prisma } = database
  const passwords = createPasswords(
    { memoryKib: 1024, time: 1, concurrency: 2, queue: 64, ...argon2 },
    deriveKey(secrets[0], 'decoy')
  )
  const users = createUserDirectory(prisma)
  const logged: string[] = []
  const log = pino(
    { level: 'trace' },
    {
      write: (line: string) => {
        logged.push(line)
      }
    }
  )

  const policy = {
    ...defaults,
    reportsDelivery: publicUrl !== undefined,
    ...ownPolicy,
    limits: { ...noLimits, ...limits }
  }
  const events = createSecurityLog(log)

  // The clock stands still until a test moves it, so that no test depends on the machine's speed.
  let now = Date.now()
  const clock = sharedClock ?? (() => new Date(now))

  let duringNextHash: (() => Promise<unknown>) | undefined
  const countryTraffic = createCountryTraffic(
    prisma,
    { ...policy.conversion, codeTtl: policy.codeTtl },
    events
  )
  const rateLimits = createRateLimitStore(prisma, secrets[0])
  const twilioSettings: TwilioSettings = {
    accountSid: twilioAccount.accountSid,
    authTokens,
    sender: { from: '+15005550006' },
    baseUrl: twilio.baseUrl,
    timeoutMs: twilioTimeoutMs,
    feedback,
    ...(publicUrl !== undefined && { publicUrl })
  }
  const sms = createTrackedSms(
    createAllowedNumbersSms(
      { countries: undefined, testNumbers: policy.testNumbers },
      createRecoveryNotingSms(createTwilioSms(twilioSettings, log), events),
      log
    )
  )
  const recovery = createDatabaseRecovery(database, events)
  t.teardown(recovery.stop)
  const ports: Ports = {
    users: {
      ...createUserStore(prisma, rateLimits, policy),
      ...createAccountStore(prisma, rateLimits)
    },
    challenges: createChallengeStore(prisma, rateLimits, policy),
    phoneChanges: createPhoneChangeStore(prisma),
    sessions: createSessionStore(prisma, rateLimits, policy),
    passwords: {
      ...passwords,
      async verify(...args) {
        const verdict = await passwords.verify(...args)
        // Reset first, because the action may also verify a password.
        const action = duringNextHash
        duringNextHash = undefined
        await action?.()
        return verdict
      }
    },
    commonPasswords: loadCommonPasswords,
    sms,
    statusCallbacks:
      publicUrl === undefined
        ? noStatusCallbacks
        : createTwilioCallbacks({ publicUrl, authTokens }),
    messageFeedback: feedback ? createTwilioFeedback(twilioSettings, log) : noMessageFeedback,
    rateLimits,
    sessionRequests: createSessionRequestLimiter({
      concurrency: 5,
      queue: 64,
      patienceMs: 20_000,
      ...reads
    }),
    countryTraffic,
    countryOf,
    checkPhone: createPhoneCheck(countries),
    events,
    clock,
    isReady: createSharedReadiness(() => databaseReady(database, readiness), clock),
    outageOf: error => classifyDatabaseError(error, database.url ?? ''),
    databaseFailed: recovery.failed
  }
  const app = await buildApp(
    ports,
    {
      production: true,
      secrets,
      signingKeys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
      issuer: 'https://login.example',
      audience: 'https://api.example',
      accessTokenTtl: 900,
      codeLength: 6,
      corsOrigins: [],
      trustedProxies: [],
      keepAliveTimeoutMs: 72_000,
      docs: false,
      demoPage: false,
      ...settings,
      policy
    },
    log
  )
  t.teardown(() => app.close())

  const addUser = async ({
    username,
    password,
    phone
  }: {
    username: string
    password: string
    phone: string | null
  }) => users.add({ username, phone, passwordDigest: await passwords.hash(password) })
  if (!withoutUsers) await addUser(ada)

  const post = (url: string, body: object | string, from = '127.0.0.1') =>
    app.inject({
      method: 'POST',
      url,
      payload: body,
      remoteAddress: from,
      headers: { 'content-type': 'application/json' }
    })
  // `from` is the address of the client.
  const login = (user: { username: string; password: string } = ada, from?: string) =>
    post('/login', { username: user.username, password: user.password }, from)
  const resend = (challengeToken: string, from?: string) =>
    post('/resend', { challengeToken }, from)
  const verify = (challengeToken: string, code: string, from?: string) =>
    post('/verify', { challengeToken, code }, from)

  /** Reads the state of a challenge. */
  const read = (challengeToken: string, from?: string) =>
    post('/challenge', { challengeToken }, from)

  const refresh = (refreshToken: string, from?: string) => post('/refresh', { refreshToken }, from)
  const bearer = (accessToken?: string) =>
    accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }

  const as = (accessToken: string) => ({
    'content-type': 'application/json',
    ...bearer(accessToken)
  })
  /** Requests a confirmation, of `transfer` by default. */
  const confirm = (accessToken: string, payload: object = transfer) =>
    app.inject({ method: 'POST', url: '/confirmations', payload, headers: as(accessToken) })
  const verifyConfirmation = (accessToken: string, confirmationToken: string, code: string) =>
    app.inject({
      method: 'POST',
      url: '/confirmations/verify',
      payload: { confirmationToken, code },
      headers: as(accessToken)
    })
  const resendConfirmation = (accessToken: string, confirmationToken: string) =>
    app.inject({
      method: 'POST',
      url: '/confirmations/resend',
      payload: { confirmationToken },
      headers: as(accessToken)
    })

  /** Sends a status callback as a proxy forwards it that terminates TLS. */
  const callBack = ({ url, headers, payload }: StatusCallback) => {
    const { pathname, search } = new URL(url)
    return app.inject({ method: 'POST', url: `${pathname}${search}`, headers, payload })
  }
  /** Reports the status of the newest message. */
  const report = (status: string, change?: CallbackChange) => {
    const message = twilio.messages.at(-1)
    if (message === undefined) throw new Error('there is no message to report on')
    return callBack(statusCallback(message, status, change))
  }

  const changePhone = (accessToken: string, phone: string) =>
    app.inject({ method: 'POST', url: '/me/phone', payload: { phone }, headers: as(accessToken) })
  const verifyPhone = (accessToken: string, challengeToken: string, code: string) =>
    app.inject({
      method: 'POST',
      url: '/me/phone/verify',
      payload: { challengeToken, code },
      headers: as(accessToken)
    })

  const loginAndReadCode = async (user: TestUser = ada) => {
    const challengeToken: string = (await login(user)).json().challengeToken
    return { challengeToken, code: codeIn(twilio.messagesTo(user.phone).at(-1)?.body) }
  }

  const logIn = async (
    user?: TestUser
  ): Promise<{
    accessToken: string
    refreshToken: string
    expiresIn: number
    refreshExpiresIn: number
  }> => {
    const { challengeToken, code } = await loginAndReadCode(user)
    return (await verify(challengeToken, code)).json()
  }

  return {
    app,
    database,
    prisma,
    ports,
    policy,
    secrets,
    log,
    users,
    rateLimits,
    countryTraffic,
    passwords,
    twilio,
    logged,
    clock,
    addUser,
    post,
    login,
    resend,
    read,
    verify,
    confirm,
    verifyConfirmation,
    resendConfirmation,
    callBack,
    report,
    /** Requests a change of the number. */
    changePhone,
    verifyPhone,
    /** Resolves when all notices are sent. */
    settled: sms.settled,
    refresh,
    logout: (refreshToken: string) => post('/logout', { refreshToken }),
    me: (accessToken?: string) => app.inject({ url: '/me', headers: bearer(accessToken) }),
    changeMe: (accessToken: string, change: object | string) =>
      app.inject({ method: 'PATCH', url: '/me', payload: change, headers: as(accessToken) }),
    changePassword: (
      accessToken: string,
      newPassword: string,
      currentPassword = ada.password,
      from = '127.0.0.1'
    ) =>
      app.inject({
        method: 'POST',
        url: '/me/password',
        payload: { currentPassword, newPassword },
        headers: as(accessToken),
        remoteAddress: from
      }),
    deleteMe: (accessToken: string, password = ada.password, from = '127.0.0.1') =>
      app.inject({
        method: 'DELETE',
        url: '/me',
        payload: { password },
        headers: as(accessToken),
        remoteAddress: from
      }),
    sessions: (accessToken?: string) =>
      app.inject({ url: '/sessions', headers: bearer(accessToken) }),
    /** Ends the session with this id, or all other sessions without one. */
    endSession: (accessToken: string | undefined, id?: string) =>
      app.inject({
        method: 'DELETE',
        url: id === undefined ? '/sessions' : `/sessions/${id}`,
        headers: bearer(accessToken)
      }),
    /** Moves the clock of the service. */
    wait(seconds: number) {
      now += seconds * 1000
    },
    /** Runs an action while the next password is hashed. */
    duringHash(action: () => Promise<unknown>) {
      duringNextHash = action
    },
    /** Sends the password and reads the code from the message. */
    loginAndReadCode,
    /** Completes both steps of a login. */
    logIn,
    accessToken: async (user?: TestUser) => (await logIn(user)).accessToken
  }
}

// The tests of a file share one database, because creating one takes a second and emptying it only
// milliseconds.
let shared: Promise<TestDatabase> | undefined

async function emptied(database: TestDatabase) {
  const { prisma } = database
  await prisma.$transaction([
    prisma.user.deleteMany(),
    prisma.rateLimit.deleteMany(),
    prisma.countryTraffic.deleteMany()
  ])
  return database
}

/** Returns the code in a message. */
export const codeIn = (message: string | undefined) =>
  /\b\d{6,8}\b/.exec(message ?? '')?.[0] ?? 'no code'

/** Returns a code that differs from this one. */
export const differentCode = (code: string) =>
  String((Number(code) + 1) % 10 ** code.length).padStart(code.length, '0')

/** Returns the slug of the problem in a response; undefined for any other response. */
export const slugOf = (response: LightMyRequestResponse): string | undefined =>
  String(response.headers['content-type']).startsWith('application/problem+json')
    ? response.json().type.split('/').at(-1)
    : undefined

import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { LightMyRequestResponse } from 'fastify'
import pino from 'pino'
import root, { type Test } from 'tap'
import { argon2Passwords, type Argon2Settings } from '../../src/adapters/argon2-passwords.ts'
import { databaseOutage } from '../../src/adapters/database-outage.ts'
import { databaseReady } from '../../src/adapters/database-ready.ts'
import { countryOf } from '../../src/adapters/libphonenumber-phones.ts'
import { logEvents } from '../../src/adapters/log-events.ts'
import { prismaBudgets } from '../../src/adapters/prisma-budgets.ts'
import { prismaChallenges } from '../../src/adapters/prisma-challenges.ts'
import { prismaCountryTraffic } from '../../src/adapters/prisma-country-traffic.ts'
import { prismaSessions } from '../../src/adapters/prisma-sessions.ts'
import { prismaUserDirectory } from '../../src/adapters/prisma-user-directory.ts'
import { prismaUsers } from '../../src/adapters/prisma-users.ts'
import { twilioSms } from '../../src/adapters/twilio-sms.ts'
import { buildApp, type Settings } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import type { Clock } from '../../src/domain/clock.ts'
import type { Limits } from '../../src/domain/limits.ts'
import type { Policy } from '../../src/domain/policy.ts'
import { testDatabase, type TestDatabase } from './database.ts'
import { startTwilioStandIn, twilioAccount } from './twilio-stand-in.ts'

export const ada = { username: 'ada', password: 'correct horse battery', phone: '+12025550143' }

/** An action to confirm. */
export const transfer = { action: 'transfer', data: { amount: '250.00', currency: 'EUR', payee: 'Grace Hopper' }, reference: 'order-1815' }

type Person = { username: string, password: string, phone: string }

const defaults = readConfig({}).policy
export const defaultLimits = defaults.limits
export const noLimits = Object.fromEntries(Object.keys(defaultLimits).map(name => [name, 0])) as Limits

export type StartOptions = Partial<Omit<Settings, 'policy'>> & {
  policy?: Partial<Omit<Policy, 'limits'>>
  /** Off, all of them, unless a test asks for some; `defaultLimits` are what a service has when nothing is configured. */
  limits?: Partial<Limits>
  argon2?: Partial<Argon2Settings>
  /** Instead of the file's own: another service's, as a second instance has it, or one that the test will break. */
  database?: TestDatabase
  /** Another service's, to share its time; `wait` then moves nothing here. */
  clock?: Clock
  /** Ada is there already. */
  withoutUsers?: boolean
  twilioTimeoutMs?: number
}

/**
 * The real application on a real database, with real hashes, tokens and Twilio's own SDK; Twilio itself is played by a
 * stand-in on loopback, and the clock is the test's to move. One user, Ada, unless told otherwise.
 */
export async function start (t: Test, { policy: ownPolicy, limits, argon2, database, clock: sharedClock, withoutUsers = false, twilioTimeoutMs = 2000, secrets = [randomBytes(32)], ...settings }: StartOptions = {}) {
  const twilio = await startTwilioStandIn(t)
  database ??= await emptied(await (shared ??= testDatabase(root)))
  const { prisma, engine } = database
  const passwords = await argon2Passwords({ memoryKib: 1024, time: 1, concurrency: 2, queue: 64, ...argon2 })
  const users = prismaUserDirectory(prisma)
  const logged: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => { logged.push(line) } })

  const policy = { ...defaults, ...ownPolicy, limits: { ...noLimits, ...limits } }
  const events = logEvents(log)

  // It stands still unless told to move, so that no test depends on how fast the machine is.
  let now = Date.now()
  const clock = sharedClock ?? (() => new Date(now))

  let meanwhile: (() => Promise<unknown>) | undefined
  const countryTraffic = prismaCountryTraffic(prisma, { ...policy.conversion, codeTtl: policy.codeTtl }, events)
  const budgets = prismaBudgets(prisma, secrets[0])
  const app = await buildApp({
    users: prismaUsers(prisma, budgets),
    challenges: prismaChallenges(prisma, budgets),
    sessions: prismaSessions(prisma, budgets),
    passwords: {
      ...passwords,
      async verify (...asked) {
        const verdict = await passwords.verify(...asked)
        await meanwhile?.()
        meanwhile = undefined
        return verdict
      }
    },
    sms: twilioSms({ ...twilioAccount, sender: { from: '+15005550006' }, baseUrl: twilio.baseUrl, timeoutMs: twilioTimeoutMs }, log),
    budgets,
    countryTraffic,
    countryOf,
    events,
    clock,
    isReady: () => databaseReady(engine),
    outageOf: error => databaseOutage(error, database.url ?? '')
  }, {
    secrets,
    signingKeys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
    issuer: 'https://login.example',
    audience: 'https://api.example',
    accessTokenTtl: 900,
    codeLength: 6,
    corsOrigins: [],
    trustedProxies: [],
    docs: false,
    demoPage: false,
    ...settings,
    policy
  }, log)
  t.teardown(() => app.close())

  const addUser = async ({ username, password, phone }: { username: string, password: string, phone: string | null }) =>
    users.add({ username, phone, passwordDigest: await passwords.hash(password) })
  if (!withoutUsers) await addUser(ada)

  const post = (url: string, body: object | string, from = '127.0.0.1') =>
    app.inject({ method: 'POST', url, payload: body, remoteAddress: from, headers: { 'content-type': 'application/json' } })
  // `from`: the address of the client.
  const login = (who: { username: string, password: string } = ada, from?: string) => post('/login', { username: who.username, password: who.password }, from)
  const resend = (challengeToken: string, from?: string) => post('/resend', { challengeToken }, from)
  const verify = (challengeToken: string, code: string, from?: string) => post('/verify', { challengeToken, code }, from)

  const refresh = (refreshToken: string, from?: string) => post('/refresh', { refreshToken }, from)
  const bearer = (accessToken?: string) => accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }

  const as = (accessToken: string) => ({ 'content-type': 'application/json', ...bearer(accessToken) })
  /** Asks for a confirmation; `transfer` unless told otherwise. */
  const confirm = (accessToken: string, what: object = transfer) =>
    app.inject({ method: 'POST', url: '/confirmations', payload: what, headers: as(accessToken) })
  const verifyConfirmation = (accessToken: string, confirmationToken: string, code: string) =>
    app.inject({ method: 'POST', url: '/confirmations/verify', payload: { confirmationToken, code }, headers: as(accessToken) })
  const resendConfirmation = (accessToken: string, confirmationToken: string) =>
    app.inject({ method: 'POST', url: '/confirmations/resend', payload: { confirmationToken }, headers: as(accessToken) })

  const challenge = async (who: Person = ada) => {
    const challengeToken: string = (await login(who)).json().challengeToken
    return { challengeToken, code: codeIn(twilio.textsTo(who.phone).at(-1)?.body) }
  }

  const logIn = async (who?: Person): Promise<{ accessToken: string, refreshToken: string, expiresIn: number, refreshExpiresIn: number }> => {
    const { challengeToken, code } = await challenge(who)
    return (await verify(challengeToken, code)).json()
  }

  return {
    app,
    database,
    prisma,
    users,
    budgets,
    countryTraffic,
    passwords,
    twilio,
    logged,
    clock,
    addUser,
    post,
    login,
    resend,
    verify,
    confirm,
    verifyConfirmation,
    resendConfirmation,
    refresh,
    logout: (refreshToken: string) => post('/logout', { refreshToken }),
    me: (accessToken?: string) => app.inject({ url: '/me', headers: bearer(accessToken) }),
    sessions: (accessToken?: string) => app.inject({ url: '/sessions', headers: bearer(accessToken) }),
    /** Ends that session, or all others. */
    endSession: (accessToken: string | undefined, id?: string) => app.inject({ method: 'DELETE', url: id === undefined ? '/sessions' : `/sessions/${id}`, headers: bearer(accessToken) }),
    /** Lets time pass for the service. */
    wait (seconds: number) { now += seconds * 1000 },
    /** Has something happen while the next password is being hashed. */
    whileHashing (deed: () => Promise<unknown>) { meanwhile = deed },
    /** Logs in and reads the code off the phone. */
    challenge,
    /** Both steps of a login. */
    logIn,
    accessToken: async (who?: Person) => (await logIn(who)).accessToken
  }
}

// One for all tests of a file, which run one after another: emptying it takes milliseconds, opening one a second.
let shared: Promise<TestDatabase> | undefined

async function emptied (database: TestDatabase) {
  const { prisma } = database
  await prisma.$transaction([prisma.user.deleteMany(), prisma.counter.deleteMany(), prisma.countryTraffic.deleteMany()])
  return database
}

/** The digits in a text, as a person reads them. */
export const codeIn = (text: string | undefined) => /\b\d{6,8}\b/.exec(text ?? '')?.[0] ?? 'no code'

/** A code that is not this one. */
export const otherThan = (code: string) => String((Number(code) + 1) % 10 ** code.length).padStart(code.length, '0')

/** The stable name of the problem that an answer is; undefined for any other answer. */
export const slugOf = (answer: LightMyRequestResponse): string | undefined =>
  String(answer.headers['content-type']).startsWith('application/problem+json') ? answer.json().type.split('/').at(-1) : undefined

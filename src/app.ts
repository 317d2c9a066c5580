import type { KeyObject } from 'node:crypto'
import cors from '@fastify/cors'
import Fastify, { type FastifyBaseLogger } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import type { Budgets } from './domain/budgets.ts'
import type { Challenges } from './domain/challenge.ts'
import type { Clock } from './domain/clock.ts'
import { codesOf } from './domain/codes.ts'
import type { CountryTraffic } from './domain/country-traffic.ts'
import { deriveKey } from './domain/derive-key.ts'
import type { Events } from './domain/events.ts'
import type { Passwords } from './domain/passwords.ts'
import type { Policy } from './domain/policy.ts'
import { refreshTokensOf } from './domain/refresh-tokens.ts'
import type { Sessions } from './domain/session.ts'
import type { Sms } from './domain/sms.ts'
import type { Users } from './domain/user.ts'
import { accessTokens } from './http/access-tokens.ts'
import { challengeTokens, confirmationTokens, loginTokens } from './http/challenge-tokens.ts'
import { corsOptions } from './http/cors-options.ts'
import { firstLook } from './http/first-look.ts'
import { limitRequests } from './http/limit-requests.ts'
import { logAnswer } from './http/log-answer.ts'
import { describeRoutes } from './http/openapi.ts'
import { readJson } from './http/read-json.ts'
import { receipts } from './http/receipts.ts'
import { tellBrowsers } from './http/security-headers.ts'
import { sendFailure, type OutageOf } from './http/send-failure.ts'
import { sendNotFound } from './http/send-problem.ts'
import { serverOptions } from './http/server-options.ts'
import { signingKey } from './http/signing-key.ts'
import { turnAway } from './http/turn-away.ts'
import { confirmationsRoute } from './routes/confirmations.ts'
import { demoPageRoute } from './routes/demo-page.ts'
import { docsRoute } from './routes/docs.ts'
import { healthRoutes } from './routes/health.ts'
import { jwksRoute } from './routes/jwks.ts'
import { loginRoute } from './routes/login.ts'
import { logoutRoute } from './routes/logout.ts'
import { meRoute } from './routes/me.ts'
import { refreshRoute } from './routes/refresh.ts'
import { resendRoute } from './routes/resend.ts'
import { sessionsRoute } from './routes/sessions.ts'
import { verifyRoute } from './routes/verify.ts'

/** What the application needs of the world. */
export type Ports = {
  users: Users
  challenges: Challenges
  sessions: Sessions
  passwords: Passwords
  sms: Sms
  budgets: Budgets
  countryTraffic: CountryTraffic
  countryOf: (phone: string) => string
  events: Events
  clock: Clock
  /** Whether the database answers, has all migrations and can be written to. Never throws. */
  isReady: () => Promise<boolean>
  /** Tells an outage of the database from a mistake of ours. */
  outageOf: OutageOf
}

export type Settings = {
  secrets: readonly [Buffer, ...Buffer[]]
  signingKeys: readonly [KeyObject, ...KeyObject[]]
  issuer: string
  audience: string
  /** Seconds. */
  accessTokenTtl: number
  codeLength: number
  policy: Policy
  /** Whose pages may call from a browser. */
  corsOrigins: readonly string[]
  /** Addresses and CIDR ranges of the proxies whose X-Forwarded-For counts. */
  trustedProxies: readonly string[]
  /** Whether it shows what it takes and answers, at /docs. */
  docs: boolean
  /** Whether there is a page to try it with, at /. */
  demoPage: boolean
}

/** The HTTP application, ready to listen or to be injected into. What it is given to use, it doesn't close. */
export async function buildApp (ports: Ports, settings: Settings, log: FastifyBaseLogger) {
  const app = Fastify({ ...serverOptions, trustProxy: [...settings.trustedProxies], loggerInstance: log })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler(sendFailure(ports))
  app.setNotFoundHandler(sendNotFound)
  readJson(app)
  // RFC 9110 §10.1.1 lets a server ignore an expectation that it doesn't know; Node's own answer would be no problem.
  app.server.on('checkExpectation', (request, reply) => { app.server.emit('request', request, reply) })
  app.addHook('onRequest', tellBrowsers)
  if (settings.corsOrigins.length > 0) await app.register(cors, corsOptions(settings.corsOrigins))
  app.addHook('onRequest', firstLook)
  app.addHook('onRequest', turnAway(ports.passwords))
  app.addHook('onRequest', limitRequests(settings.policy.limits.requests))
  app.addHook('onResponse', logAnswer)

  const [firstKey, ...otherKeys] = settings.signingKeys
  const signingKeys = [await signingKey(firstKey), ...await Promise.all(otherKeys.map(signingKey))] as const
  const [firstSecret, ...otherSecrets] = settings.secrets
  const keysFor = (purpose: string) => [deriveKey(firstSecret, purpose), ...otherSecrets.map(secret => deriveKey(secret, purpose))] as const

  const options = {
    ...ports,
    policy: settings.policy,
    codeLength: settings.codeLength,
    codes: codesOf(settings.codeLength, keysFor('code')),
    refreshTokens: refreshTokensOf(keysFor('refresh-token')),
    challengeTokens: await challengeTokens(app, loginTokens, settings.issuer, settings.secrets, ports.clock),
    confirmationTokens: await challengeTokens(app, confirmationTokens, settings.issuer, settings.secrets, ports.clock),
    receipts: await receipts(app, { ...settings, keys: signingKeys }, ports.clock),
    accessTokens: await accessTokens(app, { ...settings, lifetime: settings.accessTokenTtl, keys: signingKeys }, ports.clock),
    signingKeys
  }
  await describeRoutes(app)
  app.register(loginRoute, options)
  app.register(resendRoute, options)
  app.register(verifyRoute, options)
  app.register(refreshRoute, options)
  app.register(logoutRoute, options)
  app.register(sessionsRoute, options)
  app.register(meRoute, options)
  app.register(confirmationsRoute, options)
  app.register(jwksRoute, options)
  app.register(healthRoutes, options)
  if (settings.docs) app.register(docsRoute)
  if (settings.demoPage) app.register(demoPageRoute)
  return app
}

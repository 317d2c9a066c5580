import type { KeyObject } from 'node:crypto'
import Fastify, { type FastifyBaseLogger } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import type { Challenges } from './domain/challenge.ts'
import type { Clock } from './domain/clock.ts'
import { codesOf } from './domain/codes.ts'
import { deriveKey } from './domain/derive-key.ts'
import type { Passwords } from './domain/passwords.ts'
import type { Policy } from './domain/policy.ts'
import type { Sms } from './domain/sms.ts'
import type { Users } from './domain/user.ts'
import { accessTokens } from './http/access-tokens.ts'
import { challengeTokens } from './http/challenge-tokens.ts'
import { firstLook } from './http/first-look.ts'
import { logAnswer } from './http/log-answer.ts'
import { describeRoutes } from './http/openapi.ts'
import { sendFailure, type OutageOf } from './http/send-failure.ts'
import { sendNotFound } from './http/send-problem.ts'
import { serverOptions } from './http/server-options.ts'
import { signingKey } from './http/signing-key.ts'
import { healthRoutes } from './routes/health.ts'
import { jwksRoute } from './routes/jwks.ts'
import { loginRoute } from './routes/login.ts'
import { meRoute } from './routes/me.ts'
import { resendRoute } from './routes/resend.ts'
import { verifyRoute } from './routes/verify.ts'

/** What the application needs of the world. */
export type Ports = {
  users: Users
  challenges: Challenges
  passwords: Passwords
  sms: Sms
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
}

/** The HTTP application, ready to listen or to be injected into. What it is given to use, it doesn't close. */
export async function buildApp (ports: Ports, settings: Settings, log: FastifyBaseLogger) {
  const app = Fastify({ ...serverOptions, loggerInstance: log })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler(sendFailure(ports.outageOf))
  app.setNotFoundHandler(sendNotFound)
  app.removeContentTypeParser('text/plain')
  // RFC 9110 §10.1.1 lets a server ignore an expectation that it doesn't know; Node's own answer would be no problem.
  app.server.on('checkExpectation', (request, reply) => { app.server.emit('request', request, reply) })
  app.addHook('onRequest', firstLook)
  app.addHook('onResponse', logAnswer)

  const [firstKey, ...otherKeys] = settings.signingKeys
  const signingKeys = [await signingKey(firstKey), ...await Promise.all(otherKeys.map(signingKey))] as const
  const [firstSecret, ...otherSecrets] = settings.secrets
  const codeKey = (secret: Buffer) => deriveKey(secret, 'code')

  const options = {
    ...ports,
    policy: settings.policy,
    codeLength: settings.codeLength,
    codes: codesOf(settings.codeLength, [codeKey(firstSecret), ...otherSecrets.map(codeKey)]),
    challengeTokens: await challengeTokens(app, settings.issuer, settings.secrets, ports.clock),
    accessTokens: await accessTokens(app, { ...settings, lifetime: settings.accessTokenTtl, keys: signingKeys }, ports.clock),
    signingKeys
  }
  await describeRoutes(app)
  app.register(loginRoute, options)
  app.register(resendRoute, options)
  app.register(verifyRoute, options)
  app.register(meRoute, options)
  app.register(jwksRoute, options)
  app.register(healthRoutes, options)
  return app
}

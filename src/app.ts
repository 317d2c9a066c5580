import type { KeyObject } from 'node:crypto'
import cors from '@fastify/cors'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { createCodes } from './domain/codes/codes.ts'
import { deriveKey } from './domain/derive-key.ts'
import type { Policy } from './domain/policy.ts'
import type { Ports } from './domain/ports.ts'
import { createRefreshTokens } from './domain/sessions/refresh-tokens.ts'
import { createAccessTokens } from './http/tokens/access-tokens.ts'
import {
  createChallengeTokens,
  confirmationTokens,
  loginTokens,
  phoneChangeTokens
} from './http/tokens/challenge-tokens.ts'
import { corsOptions } from './http/hooks/cors-options.ts'
import { recordRejectedOrigin } from './http/hooks/record-rejected-origin.ts'
import { requireRoute } from './http/hooks/require-route.ts'
import type { Audience } from './http/tokens/jwts.ts'
import { createServer, type ServerSettings } from './http/connections/create-server.ts'
import { limitRequests } from './http/hooks/limit-requests.ts'
import { logRequest } from './http/hooks/log-request.ts'
import { openapiOverview } from './http/openapi/openapi-overview.ts'
import { describeRoutes } from './http/openapi/openapi.ts'
import { createReceipts } from './http/tokens/receipts.ts'
import { requireHost } from './http/hooks/require-host.ts'
import { setSecurityHeaders } from './http/hooks/security-headers.ts'
import { sendRequestId } from './http/hooks/send-request-id.ts'
import { signingKey } from './http/tokens/signing-key.ts'
import { shedLoad } from './http/hooks/shed-load.ts'
import { challengeRoute } from './routes/challenge.ts'
import { confirmationsRoute } from './routes/confirmations.ts'
import { demoPageRoute } from './routes/demo-page.ts'
import { docsRoute } from './routes/docs.ts'
import { healthRoutes } from './routes/health.ts'
import { jwksRoute } from './routes/jwks.ts'
import { loginRoute } from './routes/login.ts'
import { logoutRoute } from './routes/logout.ts'
import { mePasswordRoute } from './routes/me-password.ts'
import { mePhoneRoute } from './routes/me-phone.ts'
import { meRoute } from './routes/me.ts'
import { refreshRoute } from './routes/refresh.ts'
import { resendRoute } from './routes/resend.ts'
import { sessionsRoute } from './routes/sessions.ts'
import { twilioStatusRoute } from './routes/twilio-status.ts'
import { verifyRoute } from './routes/verify.ts'

export type Settings = ServerSettings & {
  secrets: readonly [Buffer, ...Buffer[]]
  signingKeys: readonly [KeyObject, ...KeyObject[]]
  issuer: string
  audience: Audience
  /** Seconds. */
  accessTokenTtl: number
  codeLength: number
  policy: Policy
  /** The origins of pages that may call the service from a browser. */
  corsOrigins: readonly string[]
  /** Whether /docs serves the API documentation. */
  docs: boolean
  /** Whether / serves the demo page. */
  demoPage: boolean
}

/** The HTTP application, ready to listen or to be injected into. The caller closes the ports. */
export async function buildApp(ports: Ports, settings: Settings, log: FastifyBaseLogger) {
  const app = createServer(ports, settings, log)
  await addHooks(app, ports, settings)
  const options = await createOptions(app, ports, settings)
  await describeRoutes(app, openapiOverview)
  addRoutes(app, options, settings)
  return app
}

/** The hooks run in this order. */
async function addHooks(app: FastifyInstance, ports: Ports, settings: Settings): Promise<void> {
  app.addHook('onRequest', sendRequestId)
  app.addHook('onRequest', setSecurityHeaders)
  app.addHook('onRequest', requireHost)
  app.addHook('onRequest', recordRejectedOrigin(settings.corsOrigins, ports.events))
  if (settings.corsOrigins.length > 0) await app.register(cors, corsOptions(settings.corsOrigins))
  app.addHook('onRequest', requireRoute)
  app.addHook('onRequest', shedLoad(ports.passwords))
  app.addHook('onRequest', limitRequests(settings.policy.limits.requests, settings.corsOrigins))
  app.addHook('onResponse', logRequest)
}

/** The options of all routes: the ports, and what depends on the secrets and signing keys. */
async function createOptions(app: FastifyInstance, ports: Ports, settings: Settings) {
  const [firstKey, ...otherKeys] = settings.signingKeys
  const signingKeys = [
    await signingKey(firstKey),
    ...(await Promise.all(otherKeys.map(signingKey)))
  ] as const
  const [firstSecret, ...otherSecrets] = settings.secrets
  const keysFor = (purpose: string) =>
    [
      deriveKey(firstSecret, purpose),
      ...otherSecrets.map(secret => deriveKey(secret, purpose))
    ] as const
  const challengeTokensOf = (kind: typeof loginTokens) =>
    createChallengeTokens(app, kind, settings.issuer, settings.secrets, ports.clock)

  return {
    ...ports,
    policy: settings.policy,
    codeLength: settings.codeLength,
    codes: createCodes(settings.codeLength, keysFor('code')),
    refreshTokens: createRefreshTokens(keysFor('refresh-token')),
    challengeTokens: await challengeTokensOf(loginTokens),
    confirmationTokens: await challengeTokensOf(confirmationTokens),
    phoneChangeTokens: await challengeTokensOf(phoneChangeTokens),
    receipts: await createReceipts(app, { ...settings, keys: signingKeys }, ports.clock),
    accessTokens: await createAccessTokens(
      app,
      { ...settings, lifetime: settings.accessTokenTtl, keys: signingKeys },
      ports.clock
    ),
    signingKeys
  }
}

function addRoutes(
  app: FastifyInstance,
  options: Awaited<ReturnType<typeof createOptions>>,
  settings: Settings
): void {
  app.register(loginRoute, options)
  app.register(resendRoute, options)
  app.register(challengeRoute, options)
  app.register(verifyRoute, options)
  app.register(refreshRoute, options)
  app.register(logoutRoute, options)
  app.register(sessionsRoute, options)
  app.register(meRoute, options)
  app.register(mePasswordRoute, options)
  app.register(mePhoneRoute, options)
  app.register(confirmationsRoute, options)
  app.register(twilioStatusRoute, options)
  app.register(jwksRoute, options)
  app.register(healthRoutes, options)
  if (settings.docs) app.register(docsRoute)
  if (settings.demoPage) app.register(demoPageRoute)
}

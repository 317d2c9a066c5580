import type { FastifyBaseLogger } from 'fastify'
import { deriveKey } from './domain/derive-key.ts'
import type { AdminPorts } from './domain/ports.ts'
import { createServer, type ServerSettings } from './http/connections/create-server.ts'
import { limitConcurrency } from './http/hooks/limit-concurrency.ts'
import { logRequest } from './http/hooks/log-request.ts'
import { recordAdminRequest, requireApiKey } from './http/hooks/require-api-key.ts'
import { requireHost } from './http/hooks/require-host.ts'
import { requireRoute } from './http/hooks/require-route.ts'
import { setSecurityHeaders } from './http/hooks/security-headers.ts'
import { sendRequestId } from './http/hooks/send-request-id.ts'
import { adminOverview } from './http/openapi/openapi-overview.ts'
import { describeRoutes } from './http/openapi/openapi.ts'
import { refuseInexactNumbers } from './http/requests/exact-numbers.ts'
import { createUserCursors } from './http/tokens/user-cursors.ts'
import { userFactorsRoute } from './routes/admin/user-factors.ts'
import { userRoute } from './routes/admin/user.ts'
import { userSessionsRoute } from './routes/admin/user-sessions.ts'
import { userUnlockRoute } from './routes/admin/user-unlock.ts'
import { usersRoute } from './routes/admin/users.ts'

export type AdminSettings = ServerSettings & {
  /** SHA-256 of each API key. */
  apiKeyHashes: readonly Buffer[]
  secrets: readonly [Buffer, ...Buffer[]]
}

/** The admin API, ready to listen on its own port. The caller closes the ports. */
export async function buildAdminApp(
  ports: AdminPorts,
  { apiKeyHashes, secrets, ...settings }: AdminSettings,
  log: FastifyBaseLogger
) {
  // Claims may contain numbers.
  const app = createServer(ports, settings, log, refuseInexactNumbers)
  app.addHook('onRequest', sendRequestId)
  app.addHook('onRequest', setSecurityHeaders)
  app.addHook('onRequest', requireHost)
  app.addHook('onRequest', requireApiKey(apiKeyHashes))
  app.addHook('onRequest', requireRoute)
  app.addHook('onResponse', logRequest)
  app.addHook('onResponse', recordAdminRequest(ports.events))
  app.addHook('onRoute', limitConcurrency(ports.adminRequests.run))
  await describeRoutes(app, adminOverview)

  const [firstSecret, ...otherSecrets] = secrets
  const cursorKey = (secret: Buffer) => deriveKey(secret, 'user-cursors')
  const userCursors = createUserCursors([cursorKey(firstSecret), ...otherSecrets.map(cursorKey)])
  const options = { ...ports, userCursors }
  app.register(usersRoute, options)
  app.register(userRoute, options)
  app.register(userUnlockRoute, options)
  app.register(userSessionsRoute, options)
  app.register(userFactorsRoute, options)
  return app
}

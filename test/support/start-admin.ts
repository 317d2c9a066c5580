import type { InjectOptions } from 'fastify'
import type { Test } from 'tap'
import { createRateLimitStore } from '../../src/adapters/stores/rate-limits.ts'
import { createSessionRequestLimiter } from '../../src/adapters/stores/session-request-limiter.ts'
import { buildAdminApp } from '../../src/admin-app.ts'
import { generateApiKey, hashApiKey } from '../../src/domain/admin/api-keys.ts'
import { startApp, type StartOptions } from './start-app.ts'

export type AdminOptions = StartOptions & {
  /** One new key by default. */
  apiKeys?: readonly string[]
  /** How many requests to the admin API are handled at the same time. */
  adminConcurrency?: number
}

/** Starts the service with its admin API. `admin` sends a request with the first API key. */
export async function startAdmin(
  t: Test,
  { apiKeys = [generateApiKey()], adminConcurrency = 3, ...options }: AdminOptions = {}
) {
  const service = await startApp(t, options)
  const { ports, policy, secrets, log, prisma, users } = service
  const adminApp = await buildAdminApp(
    {
      ...ports,
      users,
      policy,
      allRateLimits: [
        ports.rateLimits,
        ...secrets.slice(1).map(secret => createRateLimitStore(prisma, secret))
      ],
      adminRequests: createSessionRequestLimiter({
        concurrency: adminConcurrency,
        queue: 256,
        patienceMs: 20_000
      })
    },
    {
      production: true,
      trustedProxies: [],
      keepAliveTimeoutMs: 72_000,
      apiKeyHashes: apiKeys.map(hashApiKey),
      secrets
    },
    log
  )
  t.teardown(() => adminApp.close())
  const [apiKey = ''] = apiKeys

  const admin = (
    method: NonNullable<InjectOptions['method']>,
    url: string,
    payload?: object | string
  ) =>
    adminApp.inject({
      method,
      url,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(payload !== undefined && { 'content-type': 'application/json' })
      },
      ...(payload !== undefined && { payload })
    })

  return {
    ...service,
    adminApp,
    apiKey,
    admin,
    /** Returns the id of the user with this username. */
    idOf: async (username: string) => (await users.find({ username }))?.id ?? 'no such user',
    /** Returns the events with this name, as logged. */
    eventsNamed: (name: string): Record<string, unknown>[] =>
      service.logged.map(line => JSON.parse(line)).filter(({ event }) => event === name)
  }
}

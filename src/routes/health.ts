import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { Refusal } from '../domain/refusal.ts'

export type HealthOptions = {
  /** Whether the database answers, has all migrations and can be written to. Never throws. */
  isReady: () => Promise<boolean>
}

const reply = z.object({ status: z.literal('ok') }).meta({ id: 'Health', description: 'All is well.', examples: [{ status: 'ok' }] })

/** GET /livez and GET /readyz: whether to restart this process, and whether to send it requests. */
export const healthRoutes: FastifyPluginAsyncZod<HealthOptions> = async (app, { isReady }) => {
  app.get('/livez', {
    schema: { operationId: 'livez', summary: 'Whether the process is up', tags: ['Operations'], response: { 200: reply } },
    config: { problems: [] }
  }, async () => ({ status: 'ok' as const }))

  app.get('/readyz', {
    schema: { operationId: 'readyz', summary: 'Whether the database answers, is migrated and can be written to', tags: ['Operations'], response: { 200: reply } },
    config: { problems: ['not-ready'] }
  }, async () => {
    if (!await isReady()) throw new Refusal('not-ready')
    return { status: 'ok' as const }
  })
}

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Ports } from '../domain/ports.ts'
import { Refusal } from '../domain/refusal.ts'

export type HealthOptions = Pick<Ports, 'isReady'>

const healthSchema = z
  .object({ status: z.literal('ok') })
  .meta({ id: 'Health', description: 'The check passed.', examples: [{ status: 'ok' }] })

/** GET /livez and GET /readyz: whether to restart this process, and whether to send it requests. */
export const healthRoutes: FastifyPluginAsyncZod<HealthOptions> = async (app, { isReady }) => {
  app.get(
    '/livez',
    {
      schema: {
        operationId: 'livez',
        summary: 'Check whether the process is up',
        tags: ['Operations'],
        response: { 200: healthSchema }
      },
      config: { problems: [] }
    },
    async () => ({ status: 'ok' as const })
  )

  app.get(
    '/readyz',
    {
      schema: {
        operationId: 'readyz',
        summary: 'Check whether the database responds, is migrated and is writable',
        tags: ['Operations'],
        response: { 200: healthSchema }
      },
      config: { problems: ['not-ready'] }
    },
    async () => {
      if (!(await isReady())) throw new Refusal('not-ready')
      return { status: 'ok' as const }
    }
  )
}

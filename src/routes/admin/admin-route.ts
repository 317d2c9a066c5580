import { z } from 'zod'
import type { RefusalSlug } from '../../domain/refusal.ts'

/** What the schemas of all routes of the admin API have in common. */
export const adminRoute = { tags: ['Users'], security: [{ apiKey: [] }] }

/** The id in a path. Text that is no id is not found, like the id of no user. */
export const userIdParams = z.object({
  id: z.string().meta({ description: 'The `id` of a user.', format: 'uuid' })
})

/**
 * The problems of a route of the admin API: `slugs`, and the ones that every such route has. There
 * are no rate limits on requests.
 */
export const adminProblems = (...slugs: RefusalSlug[]): RefusalSlug[] => [
  ...new Set([...slugs, 'invalid-token', 'busy', 'database-unavailable'] as const)
]

import type { RefusalSlug } from '../domain/refusal.ts'

// Every request that needs the database is rate limited, and may find the database overloaded or
// unavailable.
const always = ['too-many-attempts', 'busy', 'database-unavailable'] as const

/**
 * The problems of a route that needs the database: `slugs`, and the ones that every such route has.
 */
export const problemsOf = (...slugs: RefusalSlug[]): RefusalSlug[] => [
  ...new Set([...slugs, ...always])
]

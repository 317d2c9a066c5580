import type { Actor } from '../events.ts'
import { Refusal } from '../refusal.ts'
import type { RequestContext } from '../request-context.ts'

/** A request to the admin API, and the owner of the API key that sent it. */
export type AdminRequest = { context: RequestContext; actor: Actor }

const uuid = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i

/** The user with this id, which may be any text. Throws `not-found` if no user can have it. */
export function userWithId(id: string): { id: string } {
  if (!uuid.test(id)) throw new Refusal('not-found')
  return { id: id.toLowerCase() }
}

/** What a store found. Throws `not-found` for null. */
export function found<T>(result: T | null): T {
  if (result === null) throw new Refusal('not-found')
  return result
}

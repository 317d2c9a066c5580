import type { Actor, Events } from '../events.ts'
import type { UserDirectory } from './user-directory.ts'

/** Records what `UserDirectory.change` did to a user. A new password is an event of its own. */
export function recordChange(
  { events }: { events: Events },
  actor: Actor,
  userId: string,
  { passwordDigest, ...fields }: Parameters<UserDirectory['change']>[1]
) {
  if (passwordDigest !== undefined)
    events.record({ name: 'password.changed', context: null, userId, actor })
  // The keys of an object of this type are names of its fields.
  const changed = Object.keys(fields) as (keyof typeof fields)[]
  if (changed.length > 0)
    events.record({ name: 'user.updated', context: null, userId, actor, changed })
}

import type { Events } from '../events.ts'
import { unlockUser } from '../login/unlock-user.ts'
import type { RateLimits } from '../rate-limits/rate-limit.ts'
import type { RefusalSlug } from '../refusal.ts'
import type { UserDirectory } from '../users/user-directory.ts'
import { found, userWithId, type AdminRequest } from './admin-request.ts'

export type UnlockAccountPorts = {
  users: Pick<UserDirectory, 'unlock'>
  /** One entry for each secret (see `unlockUser`). */
  allRateLimits: readonly RateLimits[]
  events: Events
}

export const unlockAccountRefusals = ['not-found'] as const satisfies readonly RefusalSlug[]

/** Resets every lockout and rate limit of a user. Throws `unlockAccountRefusals`. */
export async function unlockAccount(
  { users, allRateLimits, events }: UnlockAccountPorts,
  { context, actor }: AdminRequest,
  id: string
): Promise<void> {
  const unlocked = await unlockUser({ users, rateLimits: allRateLimits }, userWithId(id))
  events.record({ name: 'user.unlocked', context, userId: found(unlocked).user.id, actor })
}

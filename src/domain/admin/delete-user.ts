import type { Events } from '../events.ts'
import type { RefusalSlug } from '../refusal.ts'
import type { UserDirectory } from '../users/user-directory.ts'
import { found, userWithId, type AdminRequest } from './admin-request.ts'

export type DeleteUserPorts = { users: Pick<UserDirectory, 'delete'>; events: Events }

export const deleteUserRefusals = ['not-found'] as const satisfies readonly RefusalSlug[]

/** Deletes a user with all challenges and sessions. Throws `deleteUserRefusals`. */
export async function deleteUser(
  { users, events }: DeleteUserPorts,
  { context, actor }: AdminRequest,
  id: string
): Promise<void> {
  const { id: userId } = found(await users.delete(userWithId(id)))
  events.record({ name: 'user.deleted', context, userId, actor })
}

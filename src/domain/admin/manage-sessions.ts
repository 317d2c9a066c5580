import type { Clock } from '../clock.ts'
import type { Events } from '../events.ts'
import type { RefusalSlug } from '../refusal.ts'
import type { Session } from '../sessions/session.ts'
import type { UserDirectory } from '../users/user-directory.ts'
import { found, userWithId, type AdminRequest } from './admin-request.ts'

export type ManageSessionsPorts = {
  users: Pick<UserDirectory, 'sessions' | 'logOut'>
  events: Events
  clock: Clock
}

export const manageSessionsRefusals = ['not-found'] as const satisfies readonly RefusalSlug[]

/** A user's live sessions, the most recently used first. Throws `manageSessionsRefusals`. */
export const sessionsOfUser = async (
  { users, clock }: ManageSessionsPorts,
  id: string
): Promise<Pick<Session, 'id' | 'client' | 'createdAt' | 'lastUsedAt'>[]> =>
  found(await users.sessions(userWithId(id), clock()))

/** Ends all sessions of a user. Throws `manageSessionsRefusals`. */
export async function endSessionsOfUser(
  { users, events, clock }: ManageSessionsPorts,
  { context, actor }: AdminRequest,
  id: string
): Promise<void> {
  const { id: userId } = found(await users.logOut(userWithId(id), clock()))
  events.record({ name: 'user.sessions_ended', context, userId, actor })
}

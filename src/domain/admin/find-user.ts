import type { RefusalSlug } from '../refusal.ts'
import type { ManagedUser, UserDirectory } from '../users/user-directory.ts'
import { found, userWithId } from './admin-request.ts'

export type FindUserPorts = { users: Pick<UserDirectory, 'find'> }

export const findUserRefusals = ['not-found'] as const satisfies readonly RefusalSlug[]

/** The user with this id. Throws `findUserRefusals`. */
export const findUser = async ({ users }: FindUserPorts, id: string): Promise<ManagedUser> =>
  found(await users.find(userWithId(id)))

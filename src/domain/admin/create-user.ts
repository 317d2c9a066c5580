import type { Events } from '../events.ts'
import { Refusal, type RefusalSlug } from '../refusal.ts'
import type { ManagedUser, UserDirectory } from '../users/user-directory.ts'
import type { AdminRequest } from './admin-request.ts'
import {
  storableFields,
  storableFieldsRefusals,
  type UserFields,
  type UserFieldsPorts
} from './user-fields.ts'

export type CreateUserPorts = UserFieldsPorts & {
  users: Pick<UserDirectory, 'add'>
  events: Events
}

export const createUserRefusals = [
  'username-taken',
  ...storableFieldsRefusals
] as const satisfies readonly RefusalSlug[]

/**
 * Adds a user with a password or a hash of another system. If several requests add the same
 * username at once, one succeeds. Throws `createUserRefusals`.
 */
export async function createUser(
  ports: CreateUserPorts,
  { context, actor }: AdminRequest,
  fields: UserFields & { username: string }
): Promise<ManagedUser> {
  const { username, phone = null } = fields
  const { passwordDigest, ...others } = await storableFields(ports, fields, username)
  if (passwordDigest === undefined)
    throw new Refusal('invalid-request', {
      errors: [{ path: ['password'], detail: 'is required, or passwordHash' }]
    })
  const user = await ports.users.add({ ...others, username, phone, passwordDigest })
  if (user === null) throw new Refusal('username-taken')
  context.userId = user.id
  ports.events.record({ name: 'user.created', context, userId: user.id, actor })
  return user
}

import type { Policy } from '../policy.ts'
import type { RefusalSlug } from '../refusal.ts'
import type { RequestContext } from '../request-context.ts'
import { requireFreshLogin, type Requester } from '../sessions/require-fresh-login.ts'
import {
  requirePassword,
  requirePasswordRefusals,
  requireUser,
  type RequirePasswordPorts
} from './require-password.ts'

export type DeleteAccountPorts = RequirePasswordPorts & { policy: Policy }

export const deleteAccountRefusals = [
  'reauthentication-required',
  ...requirePasswordRefusals
] as const satisfies readonly RefusalSlug[]

/**
 * Deletes the requester's user with all sessions and pending challenges. Requires a recent login
 * and the password. If `signal` aborts while the request waits for its turn, the password is not
 * hashed. Throws `deleteAccountRefusals`.
 */
export async function deleteAccount(
  ports: DeleteAccountPorts,
  context: RequestContext,
  requester: Requester,
  password: string,
  signal?: AbortSignal
): Promise<void> {
  const { users, events, clock, policy } = ports
  requireFreshLogin(requester, policy.reauthMaxAge, clock())
  const user = await requireUser(ports, context, requester)
  await requirePassword(ports, context, user, password, signal)
  // Hashing takes time. Meanwhile another request may have changed the password.
  if (!(await users.deleteAccount(requester, user.passwordDigest, clock())))
    return deleteAccount(ports, context, requester, password, signal)
  events.record({ name: 'user.deleted', context, userId: user.id, actor: 'user' })
}

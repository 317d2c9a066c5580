import { passwordError, type WeaknessOf } from '../login/password-policy.ts'
import { Refusal, type RefusalSlug } from '../refusal.ts'
import type { RequestContext } from '../request-context.ts'
import type { SessionRef } from '../sessions/session.ts'
import {
  requirePassword,
  requirePasswordRefusals,
  requireUser,
  type RequirePasswordPorts
} from './require-password.ts'

export type ChangePasswordPorts = RequirePasswordPorts & {
  /** Loads the list of common passwords. */
  commonPasswords: () => Promise<WeaknessOf>
}

/** The passwords of a change, as the user typed them. */
export type PasswordChange = { currentPassword: string; newPassword: string }

export const changePasswordRefusals = [
  'invalid-request',
  ...requirePasswordRefusals
] as const satisfies readonly RefusalSlug[]

/**
 * Changes the password of the session's user. Ends all other sessions and the pending challenges,
 * because an attacker may have opened them with the old password. If `signal` aborts while the
 * request waits for its turn, no password is hashed. Throws `changePasswordRefusals`.
 */
export async function changePassword(
  ports: ChangePasswordPorts,
  context: RequestContext,
  session: SessionRef,
  change: PasswordChange,
  signal?: AbortSignal
): Promise<void> {
  const { users, passwords, commonPasswords, events, clock } = ports
  const user = await requireUser(ports, context, session)
  const detail = passwordError(change.newPassword, user.username, await commonPasswords())
  if (detail !== undefined)
    throw new Refusal('invalid-request', { errors: [{ path: ['newPassword'], detail }] })
  await requirePassword(ports, context, user, change.currentPassword, signal)
  const digest = await passwords.hash(change.newPassword)
  const ended = await users.changePassword(session, user.passwordDigest, digest, clock())
  // Hashing takes time. Meanwhile another request may have changed the password, or a login may
  // have stored it with a new salt.
  if (ended === null) return changePassword(ports, context, session, change, signal)
  events.record({ name: 'password.changed', context, userId: user.id, actor: 'user' })
  for (const { id, userId } of ended)
    events.record({ name: 'session.ended', context, userId, sessionId: id })
}

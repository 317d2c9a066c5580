import type { Events } from '../events.ts'
import { checkPassword, type CheckPasswordPorts } from '../login/check-password.ts'
import { usernameKey } from '../login/username.ts'
import { Refusal, type RefusalSlug } from '../refusal.ts'
import type { RequestContext } from '../request-context.ts'
import type { SessionRef } from '../sessions/session.ts'
import type { User } from '../users/user.ts'
import type { AccountUsers } from './account-users.ts'

export type RequirePasswordPorts = CheckPasswordPorts & { users: AccountUsers; events: Events }

export const requirePasswordRefusals = [
  'invalid-token', // The session has ended.
  'invalid-credentials',
  'too-many-attempts',
  'busy'
] as const satisfies readonly RefusalSlug[]

/** The user of the session. Throws `invalid-token` when the session has ended. */
export async function requireUser(
  { users, clock }: Pick<RequirePasswordPorts, 'users' | 'clock'>,
  context: RequestContext,
  session: SessionRef
): Promise<User> {
  const user = await users.findForAccount(session, context.requestLimit.take(), clock())
  if (user === null) throw new Refusal('invalid-token', { reason: 'session-ended' })
  return user
}

/**
 * Compares a user's password under the rate limits of logins, and counts the attempt like one of a
 * login. Otherwise an attacker with an access token could guess without limits. If `signal` aborts
 * while the request waits for its turn, the password is not hashed. Throws
 * `requirePasswordRefusals`.
 */
export async function requirePassword(
  ports: RequirePasswordPorts,
  context: RequestContext,
  user: User,
  password: string,
  signal?: AbortSignal
): Promise<void> {
  const { rateLimits, events, clock } = ports
  const { right, onSuccess } = await checkPassword(
    ports,
    context,
    usernameKey(user.username),
    password,
    async limits => ({ found: { user }, counts: await rateLimits.apply(limits, clock()) }),
    signal
  )
  if (!right) {
    const reason = 'wrong-current-password'
    events.record({ name: 'password.rejected', context, userId: user.id, reason })
    throw new Refusal('invalid-credentials', { reason })
  }
  await rateLimits.apply(onSuccess, clock())
}

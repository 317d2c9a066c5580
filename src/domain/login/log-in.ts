import { isFresh } from '../codes/challenge.ts'
import { toCodeStatus, type CodeStatus } from '../codes/code-status.ts'
import { assertNotLocked, isLocked } from '../codes/lockout.ts'
import { openChallenge, type OpenChallengePorts } from '../codes/open-challenge.ts'
import { checkSharedSmsLimits } from '../messages/sms-limits.ts'
import { Refusal, type RefusalSlug } from '../refusal.ts'
import type { RequestContext } from '../request-context.ts'
import type { User } from '../users/user.ts'
import { checkPassword } from './check-password.ts'
import type { LoginUsers } from './login-users.ts'
import type { Passwords } from './passwords.ts'
import { usernameKey } from './username.ts'

export type LogInPorts = OpenChallengePorts & { users: LoginUsers; passwords: Passwords }

export type Credentials = { username: string; password: string }

export const logInRefusals = [
  'invalid-credentials',
  'sms-undeliverable',
  'too-many-attempts',
  'too-many-texts',
  'busy',
  'sms-unavailable'
] as const satisfies readonly RefusalSlug[]

/**
 * The first step of a login: checks the password and sends a code. If `signal` aborts while the
 * login waits for its turn, the password is not hashed. Throws `logInRefusals`.
 */
export async function logIn(
  ports: LogInPorts,
  context: RequestContext,
  credentials: Credentials,
  signal?: AbortSignal
): Promise<CodeStatus> {
  const { users, rateLimits, events, clock, policy } = ports
  const key = usernameKey(credentials.username)
  const { found, right, outdated, onSuccess } = await checkPassword(
    ports,
    context,
    key,
    credentials.password,
    limits =>
      users.findForLogin(
        key,
        [
          ...limits,
          ...context.requestLimit.take(),
          ...checkSharedSmsLimits(policy.limits, context)
        ],
        clock()
      ),
    signal,
    // Otherwise the response time would reveal that such a user has typed the right password.
    ({ user }) => !user.disabled && user.phone !== null
  )
  if (!right || found === null || found.user.disabled || found.user.phone === null) {
    const reason = rejectionOf(found?.user ?? null)
    events.record({ name: 'password.rejected', context, userId: found?.user.id ?? null, reason })
    throw new Refusal('invalid-credentials', { reason })
  }
  events.record({ name: 'password.accepted', context, userId: found.user.id })
  // When a message is sent, `openChallenge` applies these in its own statement.
  const refundAttempt = () => rateLimits.apply(onSuccess, clock())
  const { codeFailures: limit } = policy.limits
  if (isLocked(found.user, limit, clock())) await refundAttempt()
  assertNotLocked(found.user, limit, clock())

  const passwordDigest = outdated
    ? await renewDigest(ports, found.user, credentials.password)
    : found.user.passwordDigest
  const { phone } = found.user
  const user = { ...found.user, passwordDigest }
  let seen = found.challenge
  while (true) {
    if (!isFresh(seen, clock())) {
      const opened = await openChallenge(ports, context, {
        user,
        to: phone,
        purpose: 'login',
        newPhone: null,
        details: null,
        language: null,
        previous: seen,
        refunds: onSuccess
      })
      if (opened !== null) return opened
    }
    // Hashing takes time. Meanwhile another login may have sent a code, or the user may have
    // changed.
    const { found: current } = await users.findForLogin(key, [], clock())
    if (current === null || !isSame(current.user, user)) {
      await refundAttempt()
      return logIn(ports, context, credentials, signal)
    }
    seen = current.challenge
    if (isFresh(seen, clock())) {
      await refundAttempt()
      return toCodeStatus(seen, phone, false, clock())
    }
  }
}

/** Why a login with this user's name is rejected. For the log only. */
function rejectionOf(user: User | null) {
  if (user === null) return 'unknown-user'
  if (user.disabled) return 'disabled'
  return user.phone === null ? 'no-phone' : 'wrong-password'
}

const isSame = (one: User, other: User) =>
  one.passwordDigest === other.passwordDigest &&
  one.phone === other.phone &&
  one.disabled === other.disabled

async function renewDigest(
  { users, passwords }: LogInPorts,
  { id, passwordDigest }: User,
  password: string
): Promise<string> {
  try {
    const renewed = await passwords.hash(password, passwordDigest)
    await users.replaceDigest(id, passwordDigest, renewed)
    return renewed
  } catch (error) {
    // The hashing queue is full. The next login will renew the digest.
    if (error instanceof Refusal) return passwordDigest
    throw error
  }
}

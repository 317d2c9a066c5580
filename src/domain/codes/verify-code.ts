import { after, type Clock } from '../clock.ts'
import { idleTime } from '../deadlines.ts'
import type { Events } from '../events.ts'
import type { MessageFeedback } from '../messages/message-feedback.ts'
import type { CountryTraffic } from '../messages/sms-pumping.ts'
import type { Policy } from '../policy.ts'
import { Refusal, type RefusalSlug } from '../refusal.ts'
import type { RequestContext } from '../request-context.ts'
import type { RefreshTokens } from '../sessions/refresh-tokens.ts'
import type { IssuedSession, SessionDraft } from '../sessions/session.ts'
import {
  challengeEnded,
  isOpen,
  type Attempt,
  type Challenge,
  type Challenges
} from './challenge.ts'
import type { Codes } from './codes.ts'
import {
  assertNotLocked,
  attemptsBeforeLockout,
  endsOnlyByUnlock,
  lockoutAfter,
  lockoutOf,
  lockoutSchedule
} from './lockout.ts'
import { lockoutKind, type LockoutKind } from './purpose.ts'

export type CheckCodePorts = {
  challenges: Challenges
  codes: Codes
  countryTraffic: CountryTraffic
  /** The ISO code of a number's country; "none" if it has none. */
  countryOf: (phone: string) => string
  messageFeedback: MessageFeedback
  events: Events
  clock: Clock
  policy: Policy
}

export type VerifyCodePorts = CheckCodePorts & { refreshTokens: RefreshTokens }

/** What a user submits: a challenge and the code for it. */
export type CodeSubmission = { challengeId: string; code: string }

export const checkCodeRefusals = [
  'wrong-code',
  'code-expired',
  'challenge-ended',
  'too-many-attempts'
] as const satisfies readonly RefusalSlug[]

/**
 * The second step of a login: exchanges a right code for a session. `client` is the name of
 * the caller's program. Throws `checkCodeRefusals`.
 */
export async function verifyCode(
  ports: VerifyCodePorts,
  context: RequestContext,
  submission: CodeSubmission,
  client: string | null
): Promise<IssuedSession> {
  const { token, sessionId, hash } = ports.refreshTokens.issue()
  const now = ports.clock()
  const draft: SessionDraft = {
    id: sessionId,
    tokenHash: hash,
    client,
    createdAt: now,
    lastUsedAt: now,
    idleExpiresAt: after(now, idleTime(ports.policy)),
    expiresAt: after(now, ports.policy.sessionTtl)
  }
  const { challenge, closed } = await checkCode(
    ports,
    context,
    submission,
    'login',
    (checked, at) => ports.challenges.consume(checked, draft, at)
  )
  const { userId, language } = challenge
  return { session: { ...draft, userId, language, claims: closed.claims }, refreshToken: token }
}

/**
 * Checks a code and calls `close` to close its challenge. Of several concurrent calls of `close`,
 * only one may close the challenge, and all others resolve to null. Only that one resolves here,
 * too: to the challenge and the result of `close`.
 *
 * Before the code is compared, one attempt of the challenge is used, and one failure is counted in
 * the account's lockout `kind`. A right code resets the failures to 0, and a wrong one leaves them
 * counted. When the challenge has ended, the code has expired or the account is locked, the code is
 * not compared, and nothing is counted except the request.
 *
 * Throws `checkCodeRefusals`. `wrong-code` has the number of attempts left until the challenge ends
 * or the account is locked. `too-many-attempts` means that the account is locked or the rate limit
 * is exhausted.
 */
export async function checkCode<Closed>(
  ports: CheckCodePorts,
  context: RequestContext,
  { challengeId, code }: CodeSubmission,
  kind: LockoutKind,
  close: (challenge: Challenge, now: Date) => Promise<Closed | null>
): Promise<{ challenge: Challenge; closed: Closed }> {
  const { challenges, codes, countryTraffic, countryOf, messageFeedback, events, clock, policy } =
    ports
  const now = clock()
  // The attempt is used before the code is compared, so concurrent guesses cannot share one. The
  // same statement consumes the rate limit on requests, unless an earlier one of this request has.
  const attempt = await challenges.useAttempt(
    challengeId,
    kind,
    lockoutSchedule(policy.limits.codeFailures),
    context.requestLimit.take(),
    now
  )
  if (attempt === null) return refuseAttempt(ports, context, challengeId, now)
  const { challenge, codeFailures, phone } = attempt
  context.userId = challenge.userId
  if (!codes.matches(challenge, code)) throw wrongCode(ports, context, challenge, codeFailures)
  const closed = await close(challenge, now)
  if (closed === null) throw await explainNotConsumed(ports, context, attempt, now)
  const country = countryOf(phone ?? '')
  // The code of a test number had no message, so it says nothing about those of its country.
  if (challenge.delivery !== 'none') countryTraffic.recordVerified(country)
  if (challenge.providerMessageId !== null) messageFeedback.confirm(challenge.providerMessageId)
  const { userId } = challenge
  events.record({ name: 'code.accepted', context, userId, country, purpose: kind })
  return { challenge, closed }
}

/** The refusal for a wrong code. `useAttempt` has counted its failure. */
function wrongCode(
  { events, policy }: CheckCodePorts,
  context: RequestContext,
  { userId, purpose, attemptsLeft }: Challenge,
  codeFailures: number
): Refusal {
  events.record({ name: 'code.rejected', context, userId, reason: 'wrong' })
  const { codeFailures: limit } = policy.limits
  const attemptsRemaining = Math.min(attemptsLeft, attemptsBeforeLockout(codeFailures, limit))
  const seconds = lockoutAfter(codeFailures, limit)
  if (seconds === 0)
    return new Refusal('wrong-code', {
      reason: attemptsRemaining === 0 ? 'last-attempt' : 'wrong',
      attemptsRemaining
    })
  events.record({
    name: 'account.locked',
    context,
    userId,
    lockout: lockoutKind(purpose),
    failures: codeFailures,
    seconds
  })
  return new Refusal('wrong-code', {
    reason: endsOnlyByUnlock({ codeFailures }) ? 'locked-off' : 'locked',
    attemptsRemaining,
    retryAfter: seconds
  })
}

/**
 * Throws the reason for which no attempt was used: `challenge-ended`, `too-many-attempts` while the
 * account is locked, or `code-expired`.
 */
async function refuseAttempt(
  { challenges, events, policy }: CheckCodePorts,
  context: RequestContext,
  challengeId: string,
  now: Date
): Promise<never> {
  const found = await challenges.findWithUser(challengeId, [], now)
  if (found === null) throw challengeEnded(null, now)
  const { user, challenge } = found
  context.userId = user.id
  if (!isOpen(challenge, now)) throw challengeEnded(challenge, now)
  assertNotLocked(lockoutOf(user, lockoutKind(challenge.purpose)), policy.limits.codeFailures, now)
  // The challenge has changed since the attempt if neither the lockout nor the expiry explains it.
  if (challenge.codeExpiresAt > now) throw challengeEnded(challenge, now)
  events.record({ name: 'code.rejected', context, userId: user.id, reason: 'expired' })
  throw new Refusal('code-expired')
}

/**
 * Why a right code did not close the challenge: a concurrent request closed it first, the user was
 * disabled, or a resend replaced the code, which makes it a wrong one.
 */
async function explainNotConsumed(
  ports: CheckCodePorts,
  context: RequestContext,
  { challenge: { id, codeHash }, codeFailures }: Attempt,
  now: Date
): Promise<Refusal> {
  const current = await ports.challenges.find(id)
  return current !== null && isOpen(current, now) && !Buffer.from(current.codeHash).equals(codeHash)
    ? wrongCode(ports, context, current, codeFailures)
    : challengeEnded(current, now)
}

import type { Caller } from './caller.ts'
import { isOpen, type Attempt, type Challenge, type Challenges } from './challenge.ts'
import { after, type Clock } from './clock.ts'
import { codeLocks, refuseLocked, triesLeft } from './code-lock.ts'
import type { Codes } from './codes.ts'
import type { CountryTraffic } from './country-traffic.ts'
import type { Events } from './events.ts'
import type { Policy } from './policy.ts'
import { Refusal } from './refusal.ts'
import type { RefreshTokens } from './refresh-tokens.ts'
import type { Grant } from './session.ts'
import type { Users } from './user.ts'

export type VerifyCodePorts = {
  challenges: Challenges
  users: Users
  codes: Codes
  refreshTokens: RefreshTokens
  countryTraffic: CountryTraffic
  countryOf: (phone: string) => string
  events: Events
  clock: Clock
  policy: Policy
}

/** `client`: a short name of the program that asks. */
export type Answer = { challengeId: string, code: string, client: string | null }

/**
 * The second step: trades a right code for a session of the person it was sent to.
 * Throws `wrong-code`, `code-expired`, `challenge-ended`, `too-many-attempts`.
 */
export async function verifyCode (ports: VerifyCodePorts, caller: Caller, { challengeId, code, client }: Answer): Promise<Grant> {
  const { challenges, codes, countryTraffic, countryOf, events, clock, policy } = ports
  const now = clock()
  // Spent before compared: guesses sent together each cost an attempt.
  const attempt = await challenges.spendAttempt(challengeId, codeLocks(policy.limits.codeFailures), now)
  if (attempt === null) throw await whyNoAttempt(ports, challengeId, now)
  const { challenge, codeFailures, phone } = attempt
  const { userId } = challenge
  if (!codes.matches(challenge, code)) throw wrongCode(ports, caller, challenge, codeFailures)
  const grant = newSession(ports, { userId, client }, now)
  // Two right answers at once: only the one that closes the challenge begins a session.
  if (!await challenges.consume(challenge, grant.session, now)) throw await whyNotConsumed(ports, caller, attempt, now)
  const country = countryOf(phone ?? '')
  countryTraffic.verified(country)
  events.record({ name: 'code.right', caller, userId, country })
  return grant
}

/** A session that begins now, with its first refresh token; not stored yet. */
function newSession ({ refreshTokens, policy }: VerifyCodePorts, { userId, client }: { userId: string, client: string | null }, now: Date): Grant {
  const { token, sessionId, hash } = refreshTokens.issue()
  const idleEndsAt = after(now, Math.min(policy.refreshTokenTtl, policy.sessionTtl))
  const session = { id: sessionId, userId, tokenHash: hash, client, createdAt: now, lastUsedAt: now, idleEndsAt, endsAt: after(now, policy.sessionTtl) }
  return { session, refreshToken: token }
}

/** A failure that is already counted, with what it leaves. */
function wrongCode ({ events, policy }: VerifyCodePorts, caller: Caller, { userId, attemptsLeft }: Challenge, codeFailures: number): Refusal {
  events.record({ name: 'code.wrong', caller, userId })
  const beforeLock = triesLeft(codeFailures, policy.limits.codeFailures)
  if (beforeLock === 0) events.record({ name: 'codes.locked', caller, userId, failures: codeFailures })
  return new Refusal('wrong-code', { attemptsRemaining: Math.min(attemptsLeft, beforeLock) })
}

/** Nothing could be spent: the challenge is over, the account locked, or the code too old. */
async function whyNoAttempt ({ users, policy }: VerifyCodePorts, challengeId: string, now: Date): Promise<Refusal> {
  const found = await users.findByChallenge(challengeId)
  if (found === null || !isOpen(found.challenge, now)) return new Refusal('challenge-ended')
  refuseLocked(found.user, policy.limits.codeFailures, now)
  return new Refusal(found.challenge.codeExpiresAt <= now ? 'code-expired' : 'challenge-ended')
}

/** Meanwhile another answer may have closed the challenge, or a resend replaced the code. */
async function whyNotConsumed (ports: VerifyCodePorts, caller: Caller, { challenge: { id, codeHash }, codeFailures }: Attempt, now: Date): Promise<Refusal> {
  const current = await ports.challenges.find(id)
  return current !== null && isOpen(current, now) && !Buffer.from(current.codeHash).equals(codeHash)
    ? wrongCode(ports, caller, current, codeFailures)
    : new Refusal('challenge-ended')
}

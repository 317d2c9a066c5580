import type { Caller } from './caller.ts'
import { isOpen, type Attempt, type Challenge, type Challenges } from './challenge.ts'
import type { Clock } from './clock.ts'
import { codeLocks, refuseLocked, triesLeft } from './code-lock.ts'
import type { Codes } from './codes.ts'
import type { CountryTraffic } from './country-traffic.ts'
import type { Events } from './events.ts'
import type { Policy } from './policy.ts'
import { Refusal } from './refusal.ts'
import type { Users } from './user.ts'

export type VerifyCodePorts = {
  challenges: Challenges
  users: Users
  codes: Codes
  countryTraffic: CountryTraffic
  countryOf: (phone: string) => string
  events: Events
  clock: Clock
  policy: Policy
}

/** What a right code proves: who answered, and when. */
export type Authentication = { userId: string, at: Date }

/**
 * The second step: trades a right code for the person it was sent to.
 * Throws `wrong-code`, `code-expired`, `challenge-ended`, `too-many-attempts`.
 */
export async function verifyCode (ports: VerifyCodePorts, caller: Caller, { challengeId, code }: { challengeId: string, code: string }): Promise<Authentication> {
  const { challenges, codes, countryTraffic, countryOf, events, clock, policy } = ports
  const now = clock()
  // Spent before compared: guesses sent together each cost an attempt.
  const attempt = await challenges.spendAttempt(challengeId, codeLocks(policy.limits.codeFailures), now)
  if (attempt === null) throw await whyNoAttempt(ports, challengeId, now)
  const { challenge, codeFailures, phone } = attempt
  const { userId } = challenge
  if (!codes.matches(challenge, code)) throw wrongCode(ports, caller, challenge, codeFailures)
  // Two right answers at once: only the one that closes the challenge gets a token.
  if (!await challenges.consume(challenge, now)) throw await whyNotConsumed(ports, caller, attempt, now)
  const country = countryOf(phone ?? '')
  countryTraffic.verified(country)
  events.record({ name: 'code.right', caller, userId, country })
  return { userId, at: now }
}

/** A failure that is already counted, with what it leaves. */
function wrongCode ({ events, policy }: VerifyCodePorts, caller: Caller, { userId, attemptsLeft }: Challenge, codeFailures: number): Refusal {
  events.record({ name: 'code.wrong', caller, userId })
  const beforeLock = triesLeft(codeFailures, policy.limits.codeFailures)
  if (beforeLock === 0) events.record({ name: 'codes.locked', caller, userId, failures: codeFailures })
  return new Refusal('wrong-code', { attemptsRemaining: Math.min(attemptsLeft, beforeLock) })
}

/** Nothing could be spent: the challenge is over, the account locked, or the code too old. */
async function whyNoAttempt ({ challenges, users, policy }: VerifyCodePorts, challengeId: string, now: Date): Promise<Refusal> {
  const challenge = await challenges.find(challengeId)
  if (challenge === null || !isOpen(challenge, now)) return new Refusal('challenge-ended')
  const user = await users.find(challenge.userId)
  if (user !== null) refuseLocked(user, policy.limits.codeFailures, now)
  return new Refusal(challenge.codeExpiresAt <= now ? 'code-expired' : 'challenge-ended')
}

/** Meanwhile another answer may have closed the challenge, or a resend replaced the code. */
async function whyNotConsumed (ports: VerifyCodePorts, caller: Caller, { challenge: { id, codeHash }, codeFailures }: Attempt, now: Date): Promise<Refusal> {
  const current = await ports.challenges.find(id)
  return current !== null && isOpen(current, now) && !Buffer.from(current.codeHash).equals(codeHash)
    ? wrongCode(ports, caller, current, codeFailures)
    : new Refusal('challenge-ended')
}

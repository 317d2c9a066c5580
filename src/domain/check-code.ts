import type { Caller } from './caller.ts'
import { isOpen, type Attempt, type Challenge, type Challenges } from './challenge.ts'
import type { Clock } from './clock.ts'
import { codeLocks, refuseLocked, triesLeft } from './code-lock.ts'
import type { Codes } from './codes.ts'
import type { CountryTraffic } from './country-traffic.ts'
import type { Events } from './events.ts'
import type { Policy } from './policy.ts'
import { Refusal } from './refusal.ts'
import type { Session } from './session.ts'
import { settle } from './spend.ts'
import type { Users } from './user.ts'

export type CheckCodePorts = {
  challenges: Challenges
  users: Users
  codes: Codes
  countryTraffic: CountryTraffic
  countryOf: (phone: string) => string
  events: Events
  clock: Clock
  policy: Policy
}

/**
 * Takes a code for a challenge: spends an attempt, compares, and closes the challenge. With that begins the session that `begin`
 * makes for it, if any. Resolves to both, for one caller only.
 * Throws `wrong-code`, `code-expired`, `challenge-ended`, `too-many-attempts`.
 */
export async function checkCode <T extends Session | null> (ports: CheckCodePorts, caller: Caller, { challengeId, code }: { challengeId: string, code: string }, begin: (challenge: Challenge, now: Date) => T): Promise<{ challenge: Challenge, session: T }> {
  const { challenges, codes, countryTraffic, countryOf, events, clock, policy } = ports
  const now = clock()
  // Spent before compared: guesses sent together each cost an attempt.
  const { spending, result: attempt } = await challenges.spendAttempt(challengeId, codeLocks(policy.limits.codeFailures), caller.toll, now)
  settle(ports, caller, spending)
  if (attempt === null) throw await whyNoAttempt(ports, challengeId, now)
  const { challenge, codeFailures, phone } = attempt
  if (!codes.matches(challenge, code)) throw wrongCode(ports, caller, challenge, codeFailures)
  // Two right answers at once: only for the one that closes the challenge something comes of it.
  const session = begin(challenge, now)
  if (!await challenges.consume(challenge, session, now)) throw await whyNotConsumed(ports, caller, attempt, now)
  const country = countryOf(phone ?? '')
  countryTraffic.verified(country)
  events.record({ name: 'code.right', caller, userId: challenge.userId, country })
  return { challenge, session }
}

/** A failure that is already counted, with what it leaves. */
function wrongCode ({ events, policy }: CheckCodePorts, caller: Caller, { userId, attemptsLeft }: Challenge, codeFailures: number): Refusal {
  events.record({ name: 'code.wrong', caller, userId })
  const beforeLock = triesLeft(codeFailures, policy.limits.codeFailures)
  if (beforeLock === 0) events.record({ name: 'codes.locked', caller, userId, failures: codeFailures })
  return new Refusal('wrong-code', { attemptsRemaining: Math.min(attemptsLeft, beforeLock) })
}

/** Nothing could be spent: the challenge is over, the account locked, or the code too old. */
async function whyNoAttempt ({ users, policy }: CheckCodePorts, challengeId: string, now: Date): Promise<Refusal> {
  const { result: found } = await users.findByChallenge(challengeId, [], now)
  if (found === null || !isOpen(found.challenge, now)) return new Refusal('challenge-ended')
  refuseLocked(found.user, policy.limits.codeFailures, now)
  return new Refusal(found.challenge.codeExpiresAt <= now ? 'code-expired' : 'challenge-ended')
}

/** Meanwhile another answer may have closed the challenge, or a resend replaced the code. */
async function whyNotConsumed (ports: CheckCodePorts, caller: Caller, { challenge: { id, codeHash }, codeFailures }: Attempt, now: Date): Promise<Refusal> {
  const current = await ports.challenges.find(id)
  return current !== null && isOpen(current, now) && !Buffer.from(current.codeHash).equals(codeHash)
    ? wrongCode(ports, caller, current, codeFailures)
    : new Refusal('challenge-ended')
}

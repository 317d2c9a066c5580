import { isOpen, type Challenge, type Challenges } from './challenge.ts'
import type { Clock } from './clock.ts'
import type { Codes } from './codes.ts'
import { Refusal } from './refusal.ts'

export type VerifyCodePorts = { challenges: Challenges, codes: Codes, clock: Clock }

/** What a right code proves: who answered, and when. */
export type Authentication = { userId: string, at: Date }

/**
 * The second step: trades a right code for the person it was sent to. Throws `wrong-code`, `code-expired`, `challenge-ended`.
 */
export async function verifyCode (ports: VerifyCodePorts, { challengeId, code }: { challengeId: string, code: string }): Promise<Authentication> {
  const { challenges, codes, clock } = ports
  const now = clock()
  // Spent before compared: guesses sent together each cost an attempt.
  const challenge = await challenges.spendAttempt(challengeId, now)
  if (challenge === null) throw new Refusal(await hasExpiredCode(challenges, challengeId, now) ? 'code-expired' : 'challenge-ended')
  if (!codes.matches(challenge, code)) throw new Refusal('wrong-code', { attemptsRemaining: challenge.attemptsLeft })
  // Two right answers at once: only the one that closes the challenge gets a token.
  if (!await challenges.consume(challenge, now)) throw await whyNotConsumed(challenges, challenge, now)
  return { userId: challenge.userId, at: now }
}

/** Meanwhile another answer may have closed the challenge, or a resend replaced the code. */
async function whyNotConsumed (challenges: Challenges, { id, codeHash }: Challenge, now: Date): Promise<Refusal> {
  const current = await challenges.find(id)
  return current !== null && isOpen(current, now) && !Buffer.from(current.codeHash).equals(codeHash)
    ? new Refusal('wrong-code', { attemptsRemaining: current.attemptsLeft })
    : new Refusal('challenge-ended')
}

async function hasExpiredCode (challenges: Challenges, challengeId: string, now: Date) {
  const challenge = await challenges.find(challengeId)
  return challenge !== null && isOpen(challenge, now) && challenge.codeExpiresAt <= now
}

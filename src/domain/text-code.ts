import type { Challenge, Challenges } from './challenge.ts'
import { secondsUntil, type Clock } from './clock.ts'
import { loginText } from './login-text.ts'
import type { Policy } from './policy.ts'
import { Refusal } from './refusal.ts'
import type { Sms } from './sms.ts'

export type TextCodePorts = { challenges: Challenges, sms: Sms, clock: Clock, policy: Policy }

/**
 * Texts the code of a challenge that is already stored, so that no code is ever on a phone but not in the record.
 * A text that can't be handed over voids the code and throws the refusal of `Sms.send`.
 */
export async function textCode ({ challenges, sms, clock, policy }: TextCodePorts, challenge: Challenge, to: string, code: string, now: Date) {
  const lifetime = secondsUntil(challenge.codeExpiresAt, now)
  try {
    await sms.send({ to, body: loginText(policy.brand, code, lifetime), validFor: lifetime })
  } catch (error) {
    // Should the database fail as well, the caller is still told of the text, and the log of both.
    await challenges.voidCode(challenge, clock()).catch(reason => { if (error instanceof Refusal) error.cause = reason })
    throw error
  }
}

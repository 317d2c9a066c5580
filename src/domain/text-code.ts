import type { Challenge, Challenges } from './challenge.ts'
import { secondsUntil, type Clock } from './clock.ts'
import { loginText } from './login-text.ts'
import type { Policy } from './policy.ts'
import { Refusal } from './refusal.ts'
import type { Sms } from './sms.ts'

export type TextCodePorts = { challenges: Challenges, sms: Sms, clock: Clock, policy: Policy }

/** A code on its way: `store` writes the challenge that holds it, and says whether it did. */
export type NewText = { challenge: Challenge, to: string, code: string, store: () => Promise<boolean> }

/**
 * Stores a challenge, then texts its code, so that no code is ever on a phone but not in the record. False, and no text,
 * when it was not to be stored. A text that can't be handed over voids the code and throws the refusal of `Sms.send`.
 */
export async function textCode ({ challenges, sms, clock, policy }: TextCodePorts, { challenge, to, code, store }: NewText, now: Date): Promise<boolean> {
  const lifetime = secondsUntil(challenge.codeExpiresAt, now)
  try {
    if (!await store()) return false
    await sms.send({ to, body: loginText(policy.brand, code, lifetime), validFor: lifetime })
    return true
  } catch (error) {
    // Also when storing failed: the code may be there all the same, and with it the wait for a text that never went out.
    // Should the database fail here, the caller is still told of the text, and the log of both.
    await challenges.voidCode(challenge, clock()).catch(reason => { if (error instanceof Refusal) error.cause = reason })
    throw error
  }
}

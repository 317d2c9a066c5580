import type { Caller } from './caller.ts'
import { checkCode, type CheckCodePorts } from './check-code.ts'
import { after } from './clock.ts'
import type { RefreshTokens } from './refresh-tokens.ts'
import type { Grant } from './session.ts'

export type VerifyCodePorts = CheckCodePorts & { refreshTokens: RefreshTokens }

/** `client`: a short name of the program that asks. */
export type Answer = { challengeId: string, code: string, client: string | null }

/**
 * The second step: trades a right code for a session of the person it was sent to.
 * Throws `wrong-code`, `code-expired`, `challenge-ended`, `too-many-attempts`.
 */
export async function verifyCode (ports: VerifyCodePorts, caller: Caller, { client, ...answer }: Answer): Promise<Grant> {
  const { token, sessionId, hash } = ports.refreshTokens.issue()
  const { refreshTokenTtl, sessionTtl } = ports.policy
  const { session } = await checkCode(ports, caller, answer, ({ userId }, now) => ({
    id: sessionId,
    userId,
    tokenHash: hash,
    client,
    createdAt: now,
    lastUsedAt: now,
    idleEndsAt: after(now, Math.min(refreshTokenTtl, sessionTtl)),
    endsAt: after(now, sessionTtl)
  }))
  return { session, refreshToken: token }
}

import { isFresh, randomId, type Challenge } from './challenge.ts'
import { after } from './clock.ts'
import type { Codes } from './code.ts'
import type { Passwords } from './passwords.ts'
import { pendingCode, type PendingCode } from './pending-code.ts'
import { Refusal } from './refusal.ts'
import { textCode, type TextCodePorts } from './text-code.ts'
import type { Users } from './user.ts'
import { usernameKey } from './username.ts'

export type LogInPorts = TextCodePorts & { users: Users, passwords: Passwords, codes: Codes }

/** The first step: checks the password and texts a code. Throws `invalid-credentials`, `sms-unavailable`, `sms-undeliverable`. */
export async function logIn (ports: LogInPorts, { username, password }: { username: string, password: string }): Promise<PendingCode> {
  const { users, passwords } = ports
  const found = await users.findForLogin(usernameKey(username))
  // Hashed whoever asks, so that the time of the answer doesn't tell who exists.
  const { right, outdated } = await passwords.verify(found?.user.passwordDigest ?? null, password)
  if (!found || !right || found.user.disabled || found.user.phone === null) throw new Refusal('invalid-credentials')

  const { user, challenge } = found
  if (outdated) await users.replaceDigest(user.id, user.passwordDigest, await passwords.hash(password))
  return startChallenge(ports, user.id, found.user.phone, challenge)
}

async function startChallenge (ports: LogInPorts, userId: string, phone: string, previous: Challenge | null): Promise<PendingCode> {
  const { challenges, codes, clock, policy } = ports
  const now = clock()
  if (previous !== null && isFresh(previous, now)) return pendingCode(previous, phone, false, now)

  const bound = { id: randomId(), purpose: 'login' } as const
  const code = codes.draw(previous)
  const next: Challenge = {
    ...bound,
    userId,
    codeHash: codes.hash(bound, code),
    codeExpiresAt: after(now, policy.codeTtl),
    resendAt: after(now, policy.resendCooldown),
    attemptsLeft: policy.codeAttempts,
    expiresAt: after(now, policy.challengeTtl),
    consumedAt: null
  }
  // Many logins of one person at once: one stores its challenge, the others come back to find that one fresh.
  if (!await challenges.replace(previous, next)) {
    return startChallenge(ports, userId, phone, await challenges.findForUser(userId, 'login'))
  }
  await textCode(ports, next, phone, code)
  return pendingCode(next, phone, true, clock())
}

import { isFresh, type Challenge } from './challenge.ts'
import { after } from './clock.ts'
import type { Codes } from './codes.ts'
import type { Passwords } from './passwords.ts'
import { pendingCode, type PendingCode } from './pending-code.ts'
import { randomId } from './random-id.ts'
import { Refusal } from './refusal.ts'
import { textCode, type TextCodePorts } from './text-code.ts'
import type { User, Users } from './user.ts'
import { usernameKey } from './username.ts'

export type LogInPorts = TextCodePorts & { users: Users, passwords: Passwords, codes: Codes }

/**
 * The first step: checks the password and texts a code.
 * Throws `invalid-credentials`, `busy`, `sms-unavailable`, `sms-undeliverable`.
 */
export async function logIn (ports: LogInPorts, credentials: { username: string, password: string }): Promise<PendingCode> {
  const { users, passwords, clock } = ports
  const key = usernameKey(credentials.username)
  const found = await users.findForLogin(key)
  // Hashed whoever asks, so that the time of the answer doesn't tell who exists.
  const { right, outdated } = await passwords.verify(found?.user.passwordDigest ?? null, credentials.password)
  if (!found || !right || found.user.disabled || found.user.phone === null) throw new Refusal('invalid-credentials')

  const passwordDigest = outdated ? await renewDigest(ports, found.user, credentials.password) : found.user.passwordDigest
  const user = { ...found.user, phone: found.user.phone, passwordDigest }
  for (let seen = found.challenge; ;) {
    const started = seen === null || !isFresh(seen, clock()) ? await startChallenge(ports, user, seen) : null
    if (started !== null) return started
    // Hashing took its time, and others may have been at it too: what holds now?
    const current = await users.findForLogin(key)
    if (current === null || !isSame(current.user, user)) return logIn(ports, credentials)
    seen = current.challenge
    if (seen !== null && isFresh(seen, clock())) return pendingCode(seen, user.phone, false, clock())
  }
}

const isSame = (one: User, other: User) =>
  one.passwordDigest === other.passwordDigest && one.phone === other.phone && one.disabled === other.disabled

/** Null when another login was faster, or the person is no longer as `user` says. */
async function startChallenge (ports: LogInPorts, user: User & { phone: string }, previous: Challenge | null): Promise<PendingCode | null> {
  const { challenges, codes, clock, policy } = ports
  const now = clock()
  const bound = { id: randomId(), purpose: 'login' } as const
  const code = codes.draw(previous)
  const next: Challenge = {
    ...bound,
    userId: user.id,
    codeHash: codes.hash(bound, code),
    codeExpiresAt: after(now, policy.codeTtl),
    resendAt: after(now, policy.resendCooldown),
    attemptsLeft: policy.codeAttempts,
    expiresAt: after(now, policy.challengeTtl),
    consumedAt: null
  }
  const store = () => challenges.replace(previous, next, user)
  if (!await textCode(ports, { challenge: next, to: user.phone, code, store }, now)) return null
  return pendingCode(next, user.phone, true, clock())
}

async function renewDigest ({ users, passwords }: LogInPorts, { id, passwordDigest }: User, password: string): Promise<string> {
  try {
    const renewed = await passwords.hash(password)
    await users.replaceDigest(id, passwordDigest, renewed)
    return renewed
  } catch (error) {
    // Too busy to hash once more: the next login will do it.
    if (error instanceof Refusal) return passwordDigest
    throw error
  }
}

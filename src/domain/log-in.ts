import type { Caller } from './caller.ts'
import { isFresh } from './challenge.ts'
import { isLocked, refuseLocked } from './code-lock.ts'
import { openChallenge, type OpenChallengePorts } from './open-challenge.ts'
import { passwordTry, slowDown } from './password-tries.ts'
import type { Passwords } from './passwords.ts'
import { pendingCode, type PendingCode } from './pending-code.ts'
import { Refusal } from './refusal.ts'
import { settle } from './spend.ts'
import type { User, Users } from './user.ts'
import { usernameKey } from './username.ts'

export type LogInPorts = OpenChallengePorts & { users: Users, passwords: Passwords }

/**
 * The first step: checks the password and texts a code. A client that is `gone` before its turn came is not hashed for.
 * Throws `invalid-credentials`, `too-many-attempts`, `too-many-texts`, `busy`, `sms-unavailable`, `sms-undeliverable`.
 */
export async function logIn (ports: LogInPorts, caller: Caller, credentials: { username: string, password: string }, gone?: AbortSignal): Promise<PendingCode> {
  const { users, budgets, events, clock, policy } = ports
  const key = usernameKey(credentials.username)
  const { settlement, found, right, outdated } = await tryPassword(ports, caller, key, credentials.password, gone)
  if (!found || !right || found.user.disabled || found.user.phone === null) {
    events.record({ name: 'password.wrong', caller, userId: found?.user.id ?? null })
    throw new Refusal('invalid-credentials')
  }
  events.record({ name: 'password.right', caller, userId: found.user.id })
  // Where a text goes out, that is done with the charge for it.
  const giveTryBack = () => budgets.spend(settlement.right, clock())
  if (isLocked(found.user, policy.limits.codeFailures, clock())) await giveTryBack()
  refuseLocked(found.user, policy.limits.codeFailures, clock())

  const passwordDigest = outdated ? await renewDigest(ports, found.user, credentials.password) : found.user.passwordDigest
  const user = { ...found.user, phone: found.user.phone, passwordDigest }
  for (let seen = found.challenge; ;) {
    const started = isFresh(seen, clock()) ? null : await openChallenge(ports, caller, user, { purpose: 'login', subject: null }, seen, settlement.right)
    if (started !== null) return started
    // Hashing took its time, and others may have been at it too: what holds now?
    const { result: current } = await users.findForLogin(key, [], clock())
    if (current === null || !isSame(current.user, user)) {
      await giveTryBack()
      return logIn(ports, caller, credentials, gone)
    }
    seen = current.challenge
    if (isFresh(seen, clock())) {
      await giveTryBack()
      return pendingCode(seen, user.phone, false, clock())
    }
  }
}

async function tryPassword (ports: LogInPorts, caller: Caller, key: string, password: string, gone?: AbortSignal) {
  const { users, passwords, budgets, clock, policy } = ports
  // Kept from here on, so that those for whom there is no place in a flood are told at once, and cost the database nothing.
  const arrive = passwords.expect()
  try {
    const { charges, ...given } = passwordTry(policy.limits, caller, key, clock())
    const { spending, result: found } = await users.findForLogin(key, [...charges, ...caller.toll], clock())
    const [tries] = settle(ports, caller, spending)
    const settlement = await slowDown(ports, caller, key, given, tries)
    try {
      arrive()
      // Hashed whoever asks, so that the time of the answer doesn't tell who exists.
      return { settlement, found, ...await passwords.verify(found?.user.passwordDigest ?? null, password, gone) }
    } catch (error) {
      // Should that fail as well, it is a try that is lost, not the reason.
      await budgets.spend(settlement.untried, clock()).catch(() => {})
      throw error
    }
  } finally {
    arrive()
  }
}

const isSame = (one: User, other: User) =>
  one.passwordDigest === other.passwordDigest && one.phone === other.phone && one.disabled === other.disabled

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

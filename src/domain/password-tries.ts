import { refundOf, resetOf, roomFor, type Charge } from './budgets.ts'
import type { Caller } from './caller.ts'
import type { Limits } from './limits.ts'
import { spend, type SpendPorts } from './spend.ts'

/** What to give back after a try: when the password was right, and when it was never compared. */
export type Settlement = { right: Charge[], untried: Charge[] }

/** One try at a password: what it costs, and what to give back afterwards. */
export type PasswordTry = Settlement & { charges: Charge[] }

const quarterOfAnHour = 900
const day = 86_400

/**
 * What a try at the password of `username` (its key; nobody need have it) costs, to be charged before anything is hashed.
 *
 * One network has so many tries at one name, and ten times as many over all names. When all networks together have tried
 * one name ten times as often, every network is left three tries in a window that grows with the attack (NIST
 * SP 800-63B-4 §3.2.2); that is for `slowDown`. Never are there none, or guessing would be a way to lock the owner out.
 */
export function passwordTry ({ passwordFailures: limit }: Limits, { network }: Caller, username: string, now: Date): PasswordTry {
  if (limit === 0) return { charges: [], right: [], untried: [] }
  const here = { budget: 'password.here', of: { username, network }, limit, seconds: quarterOfAnHour }
  const anyName = { budget: 'password.network', of: { network }, limit: 10 * limit, seconds: quarterOfAnHour }
  // Counted, but never in the way by itself.
  const anywhere = { budget: 'password.name', of: { username }, limit: uncounted, seconds: day }
  return {
    charges: [anywhere, here, anyName, roomFor(slow(username, network))],
    right: [resetOf(here, now), refundOf(anyName, now), refundOf(anywhere, now)],
    untried: [here, anyName, anywhere].map(charge => refundOf(charge, now))
  }
}

/**
 * Charges a try that is already paid for (`tries`: how often the name was tried by now, from everywhere) once more, if that name
 * is under attack, and resolves to what there is to give back then. Throws `too-many-attempts`.
 */
export async function slowDown (ports: SpendPorts & { policy: { limits: Limits } }, caller: Caller, username: string, { right, untried }: Settlement, tries = 0): Promise<Settlement> {
  const { passwordFailures: limit } = ports.policy.limits
  const excess = tries / (10 * limit)
  if (limit === 0 || excess <= 1) return { right, untried }
  const now = ports.clock()
  const slower = { ...slow(username, caller.network), seconds: slowWindow(excess) }
  await spend(ports, caller, [slower]).catch(async refusal => {
    // The last one was given away meanwhile. A try that is refused must not count, or asking would slow everybody down.
    await ports.budgets.spend(untried, now)
    throw refusal
  })
  return { right: [...right, resetOf(slower, now)], untried: [...untried, refundOf(slower, now)] }
}

const slow = (username: string, network: string): Charge => ({ budget: 'password.slow', of: { username, network }, limit: 3, seconds: quarterOfAnHour })

/** Fifteen minutes, doubled each time the attack has doubled, up to four hours. */
const slowWindow = (excess: number) => Math.min(quarterOfAnHour * 2 ** Math.max(0, Math.floor(Math.log2(excess))), 4 * 3600)

const uncounted = 2 ** 31 - 1

/** The budgets that guesses at one name use up. */
export const passwordBudgets = ['password.here', 'password.name', 'password.slow']

import { refundOf, resetOf, roomFor, type Charge } from './budgets.ts'
import type { Caller } from './caller.ts'
import type { Policy } from './policy.ts'
import { spend, type SpendPorts } from './spend.ts'

export type PasswordTriesPorts = SpendPorts & { policy: Policy }

/** What to give back after a try: when the password was right, and when it was never compared. */
export type Settlement = { right: Charge[], untried: Charge[] }

const quarterOfAnHour = 900
const day = 86_400

/**
 * Charges one try at the password of `username` (its key; nobody need have it) before anything is hashed. Throws
 * `too-many-attempts`.
 *
 * One network has so many tries at one name, and ten times as many over all names. When all networks together have tried
 * one name ten times as often, every network is left three tries in a window that grows with the attack (NIST
 * SP 800-63B-4 §3.2.2). Never are there none, or guessing would be a way to lock the owner out.
 */
export async function spendPasswordTry (ports: PasswordTriesPorts, caller: Caller, username: string): Promise<Settlement> {
  const limit = ports.policy.limits.passwordFailures
  if (limit === 0) return { right: [], untried: [] }
  const { network } = caller
  const now = ports.clock()
  const refuseOr = (charges: Charge[]) => spend(ports, caller, charges, 'too-many-attempts', { reason: 'passwords' })

  const here = { budget: 'password.here', of: { username, network }, limit, seconds: quarterOfAnHour }
  const anyName = { budget: 'password.network', of: { network }, limit: 10 * limit, seconds: quarterOfAnHour }
  // Counted, but never in the way by itself.
  const anywhere = { budget: 'password.name', of: { username }, limit: uncounted, seconds: day }
  const slow = { budget: 'password.slow', of: { username, network }, limit: 3, seconds: quarterOfAnHour }
  const [, , tries = 0] = await refuseOr([here, anyName, anywhere, roomFor(slow)])
  const settlement = {
    right: [resetOf(here, now), refundOf(anyName, now), refundOf(anywhere, now)],
    untried: [here, anyName, anywhere].map(charge => refundOf(charge, now))
  }
  if (tries <= 10 * limit) return settlement

  const slower = { ...slow, seconds: slowWindow(tries / (10 * limit)) }
  await refuseOr([slower]).catch(async refusal => {
    // The last one was given away meanwhile. A try that is refused must not count, or asking would slow everybody down.
    await ports.budgets.spend(settlement.untried, now)
    throw refusal
  })
  return { right: [...settlement.right, resetOf(slower, now)], untried: [...settlement.untried, refundOf(slower, now)] }
}

/** Fifteen minutes, doubled each time the attack has doubled, up to four hours. */
const slowWindow = (excess: number) => Math.min(quarterOfAnHour * 2 ** Math.max(0, Math.floor(Math.log2(excess))), 4 * 3600)

const uncounted = 2 ** 31 - 1

/** The budgets that guesses at one name use up. */
export const passwordBudgets = ['password.here', 'password.name', 'password.slow']

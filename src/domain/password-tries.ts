import { refundOf, resetOf, type Charge } from './budgets.ts'
import type { Caller } from './caller.ts'
import { spend, type SpendPorts } from './spend.ts'
import type { Policy } from './policy.ts'

export type PasswordTriesPorts = SpendPorts & { policy: Policy }

const quarterOfAnHour = 900
const day = 86_400

/** What to charge after a try: when the password was right, and when it was never compared. */
export type Settlement = { right: Charge[], untried: Charge[] }

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
  const refuseOr = (charges: Charge[]) => spend(ports, caller, charges, 'too-many-attempts', { reason: 'passwords' })

  const here = { budget: 'password.here', of: [username, caller.network], limit, seconds: quarterOfAnHour }
  const network = { budget: 'password.network', of: [caller.network], limit: 10 * limit, seconds: quarterOfAnHour }
  // Counted, but never in the way by itself.
  const name = { budget: 'password.name', of: [username], limit: uncounted, seconds: day }
  const [, , tries = 0] = await refuseOr([here, network, name])
  const slow = { budget: 'password.slow', of: [username, caller.network], limit: 3, seconds: slowWindow(tries / (10 * limit)) }
  const slowed = tries > 10 * limit
  if (slowed) await refuseOr([slow])
  return {
    right: [resetOf(here), refundOf(network), refundOf(name), ...slowed ? [resetOf(slow)] : []],
    untried: [here, network, name, ...slowed ? [slow] : []].map(refundOf)
  }
}

/** Fifteen minutes, doubled each time the attack has doubled, up to four hours. */
const slowWindow = (excess: number) => Math.min(quarterOfAnHour * 2 ** Math.max(0, Math.floor(Math.log2(excess))), 4 * 3600)

const uncounted = 2 ** 31 - 1

/** The budgets that guesses at one name use up. */
export const passwordBudgets = ['password.here', 'password.name', 'password.slow']

import type { Budgets, Charge, Spending } from './budgets.ts'
import type { Caller } from './caller.ts'
import { secondsUntil, type Clock } from './clock.ts'
import type { Events } from './events.ts'
import { Refusal } from './refusal.ts'

export type SettlePorts = { events: Events, clock: Clock }
export type SpendPorts = SettlePorts & { budgets: Budgets }

/** Charges all of these, or throws like `settle`. */
export const spend = async (ports: SpendPorts, caller: Caller, charges: readonly Charge[]) =>
  settle(ports, caller, await ports.budgets.spend(charges, ports.clock()))

/**
 * What is spent by now, in the order of the charges, among which the caller's toll has now been. Throws `too-many-attempts` or
 * `too-many-texts` when one has no room.
 */
export function settle ({ events, clock }: SettlePorts, caller: Caller, spending: Spending): readonly number[] {
  caller.toll = []
  if (spending.exhausted === null) return spending.spent
  const { budget } = spending.exhausted
  events.record({ name: 'limit.reached', caller, budget })
  const retryAfter = secondsUntil(spending.until, clock())
  if (budget.startsWith('texts.')) throw new Refusal('too-many-texts', { retryAfter })
  throw new Refusal('too-many-attempts', { reason: budget === 'requests' ? 'requests' : 'passwords', retryAfter })
}

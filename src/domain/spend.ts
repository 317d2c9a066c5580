import type { Budgets, Charge } from './budgets.ts'
import type { Caller } from './caller.ts'
import { secondsUntil, type Clock } from './clock.ts'
import type { Events } from './events.ts'
import { Refusal, type RefusalFacts, type RefusalSlug } from './refusal.ts'

export type SpendPorts = { budgets: Budgets, events: Events, clock: Clock }

/**
 * Charges all of `charges`, those without a limit excepted. Resolves to what is spent by now, in the same order; throws the
 * refusal `slug` when one has no room.
 */
export async function spend ({ budgets, events, clock }: SpendPorts, caller: Caller, charges: readonly Charge[], slug: RefusalSlug, facts: RefusalFacts = {}) {
  const now = clock()
  const spending = await budgets.spend(charges, now)
  if (spending.exhausted === null) return spending.spent
  events.record({ name: 'limit.reached', caller, budget: spending.exhausted.budget })
  throw new Refusal(slug, { ...facts, retryAfter: secondsUntil(spending.until, now) })
}

/** What a deed costs. `of` names for whom the budget is; adapters keep its parts as keyed hashes only. */
export type Charge = {
  budget: string
  of: readonly string[]
  /** How much may be spent in a window. */
  limit: number
  /** How long a window is; it begins with its first charge. */
  seconds: number
  /** 1 unless told otherwise. Less than 0 gives back, though never more than was spent. */
  cost?: number
}

/** What is spent by now of each budget charged, in the order of the charges; or which one has no room, and until when. */
export type Spending = { exhausted: null, spent: readonly number[] } | { exhausted: Charge, until: Date }

/** Counters that all instances share, and a restart doesn't set back. */
export type Budgets = {
  /** Charges all of these or none. No two callers are given the same last share. */
  spend: (charges: readonly Charge[], now: Date) => Promise<Spending>
  /** Forgets every budget of these names that is for `of`, alone or together with others. */
  clear: (budgets: readonly string[], of: string) => Promise<void>
}

/** Gives back what `charge` cost. */
export const refundOf = (charge: Charge): Charge => ({ ...charge, cost: -(charge.cost ?? 1) })

/** Gives back all that was ever spent of the budget of `charge`. */
export const resetOf = (charge: Charge): Charge => ({ ...charge, cost: -charge.limit })

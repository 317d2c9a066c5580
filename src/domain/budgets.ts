/** What a deed costs. */
export type Charge = {
  /** `requests`, `password.…` or `texts.…`: what a caller is told of by its first word. */
  budget: string
  /** For whom or what the budget is, each with what it is: adapters keep no more of it than keyed hashes. */
  of: Readonly<Record<string, string>>
  /** How much may be spent in a window. */
  limit: number
  /** How long a window is; it begins with its first charge. */
  seconds: number
  /** 1 unless told otherwise; 0 only asks whether there is room for 1; less gives back, though never more than was spent. */
  cost?: number
  /** Charged also where others that go along have no room: it is for asking. */
  always?: true
  /** When what is given back was charged: nothing is given back to a later window. */
  chargedAt?: Date
}

/** What is spent by now of each budget charged, in the order of the charges; or which one has no room, and until when. */
export type Spending = { exhausted: null, spent: readonly number[] } | { exhausted: Charge, until: Date }

/** What came of work whose statement carried charges: where one of them had no room, nothing was done, and nothing charged but what always is. */
export type Charged<T> = { spending: Spending, result: T }

/** Counters that all instances share, and a restart doesn't set back. */
export type Budgets = {
  /** Charges all of these (each budget once) or none; what is `always` charged, or given back, is that all the same. No two callers get the same last share. */
  spend: (charges: readonly Charge[], now: Date) => Promise<Spending>
  /** Forgets every budget of these names that is for `of`, alone or together with others. */
  clear: (budgets: readonly string[], of: Readonly<Record<string, string>>) => Promise<void>
}

/** Asks whether there is room for `charge`, and charges nothing. */
export const roomFor = (charge: Charge): Charge => ({ ...charge, cost: 0 })

/** Gives back what `charge` cost. */
export const refundOf = (charge: Charge, chargedAt: Date): Charge => ({ ...charge, cost: -(charge.cost ?? 1), chargedAt })

/** Gives back all that was spent of the budget of `charge`. */
export const resetOf = (charge: Charge, chargedAt: Date): Charge => ({ ...charge, cost: -charge.limit, chargedAt })

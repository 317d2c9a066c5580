import type { Charge } from './budgets.ts'

/** Who is asking: what the budgets and the events know of a request. */
export type Caller = {
  /** The IP address. */
  address: string
  /** What one customer of a provider is given: an IPv4 address, or the /56 of an IPv6 one. Budgets are charged to it. */
  network: string
  requestId: string
  /** What the person reads, the best first, by what the request says: language tags, or anything else. */
  languages: readonly string[]
  /** What the request itself costs, until somebody has charged it: see `takeToll`. */
  toll: Charge[]
}

/** What the request costs, for whoever has a statement that can carry it. From then on it costs nothing more. */
export const takeToll = ({ toll }: Caller): Charge[] => toll.splice(0)

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
  /** What the request itself costs, until it is paid: it goes along with whatever is charged first (see `settle`). */
  toll: readonly Charge[]
}

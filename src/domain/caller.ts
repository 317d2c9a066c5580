/** Who is asking: what the budgets and the events know of a request. */
export type Caller = {
  /** The IP address. */
  address: string
  /** What one customer of a provider is given: an IPv4 address, or the /56 of an IPv6 one. Budgets are charged to it. */
  network: string
  requestId: string
}

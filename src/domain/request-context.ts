import type { CountedLimit, LimitAction, RateLimit } from './rate-limits/rate-limit.ts'

/** What the use cases know about the caller of a request, for rate limits and events. */
export type RequestContext = {
  /** The caller's IP address. */
  address: string
  /** The network that rate limits are keyed by: an IPv4 address, or the /56 of an IPv6 address. */
  network: string
  /**
   * The wider networks around it, each with the factor by which its limits are higher. An attacker
   * may have a whole /48 or /32 of IPv6, and could then avoid limits that are per /56 alone.
   */
  widerNetworks: readonly { network: string; times: number }[]
  requestId: string
  /**
   * The user that the request is about, for the log. Null until they are known. Use cases set it as
   * soon as they have found the user.
   */
  userId: string | null
  /** Language tags from Accept-Language, the preferred one first. They may be invalid. */
  languages: readonly string[]
  requestLimit: RequestLimit
}

/**
 * The rate limits on requests from the caller's networks. The use case consumes them in its first
 * statement, so that they cost no statement of their own.
 */
export type RequestLimit = {
  /**
   * Returns the actions that consume the limits. Later calls return none, so that a request counts
   * once.
   */
  take: () => readonly LimitAction[]
}

/** A `RequestLimit` whose first `take` returns these actions. */
export function requestLimit(actions: readonly LimitAction[]): RequestLimit {
  let left = actions
  return {
    take() {
      const taken = left
      left = []
      return taken
    }
  }
}

/** The prefixes around a customer's /56 of IPv6, and how many times as high their limits are. */
export const widerPrefixes = [
  { prefix: 48, times: 4 },
  { prefix: 32, times: 64 }
] as const

/** A part of the keys of all limits of wider networks, so that their counts can be told apart. */
const widerBy = (times: number) => ({ widerBy: String(times) })

/** How many times as high this limit of a network is as that of a /56. */
export const timesOf = ({ isFor }: Pick<CountedLimit, 'isFor'>): number =>
  widerPrefixes.find(({ times }) => isFor(widerBy(times)))?.times ?? 1

/** A rate limit for the caller's network, and higher ones for the wider networks around it. */
export const perNetwork = (
  { network, widerNetworks }: Pick<RequestContext, 'network' | 'widerNetworks'>,
  limitFor: (network: string) => RateLimit
): [RateLimit, ...RateLimit[]] => [
  limitFor(network),
  ...widerNetworks.map(({ network, times }) => {
    const wider = limitFor(network)
    return { ...wider, key: { ...wider.key, ...widerBy(times) }, max: wider.max * times }
  })
]

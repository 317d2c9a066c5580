/** Messages to a country whose codes ended in the last hour, and how many of them were verified. */
export type Conversion = { messages: number; verified: number }

/**
 * When traffic to a country counts as SMS pumping. Fraudsters request messages to premium numbers
 * for a share of the revenue, and the codes are never entered.
 */
export type ConversionPolicy = {
  /** The minimum percentage of verified messages. 0 turns the guard off. */
  floor: number
  /** The minimum messages per hour for the percentage to be meaningful. */
  volume: number
  /** How long sending to the country pauses, in seconds. */
  pause: number
}

/** Whether so few of a country's messages were verified that they indicate SMS pumping. */
export const looksLikePumping = (
  { messages, verified }: Conversion,
  { floor, volume }: ConversionPolicy
) => floor > 0 && messages >= volume && verified * 100 < messages * floor

/** Counts sent and verified messages per country, across all instances. */
export type CountryTraffic = {
  /** When sending to this country resumes; null when it is not paused. */
  pausedUntil: (country: string, now: Date) => Promise<Date | null>
  /** Call this when the provider has accepted a message. */
  recordSent: (country: string, now: Date) => void
  /**
   * Call this when an accepted message has failed. It then counts at once, because no user will
   * enter its code.
   */
  recordFailed: (country: string, now: Date) => void
  /** Call this when a code has been verified. */
  recordVerified: (country: string) => void
}

/** The shared counts of a country in the current hour, as operators see them. */
export type CountryCounts = {
  /** Null if no message has been counted. */
  find: (
    country: string,
    now: Date
  ) => Promise<(Conversion & { resetsAt: Date; pausedUntil: Date | null }) | null>
  /** Deletes the counts and ends a pause. Running servers notice within a second. */
  clear: (country: string) => Promise<void>
}

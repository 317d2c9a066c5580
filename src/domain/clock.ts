/** Returns the current time. A port, so that tests can advance the clock. */
export type Clock = () => Date

/** The moment `seconds` after `now`. */
export const after = (now: Date, seconds: number) => new Date(now.getTime() + seconds * 1000)

/** Whole seconds from `now` until `then`, rounded up. 0 when `then` is in the past. */
export const secondsUntil = (then: Date, now: Date) =>
  Math.max(0, Math.ceil((then.getTime() - now.getTime()) / 1000))

/** Whole seconds since 1970, the NumericDate of JWTs (RFC 7519 §2). */
export const unixTime = (time: Date) => Math.floor(time.getTime() / 1000)

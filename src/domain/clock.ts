/** The time now. A port, so that a test can let a minute pass at once. */
export type Clock = () => Date

/** The moment `seconds` after `now`. */
export const after = (now: Date, seconds: number) => new Date(now.getTime() + seconds * 1000)

/** Whole seconds, rounded up; 0 for the past. */
export const secondsUntil = (then: Date, now: Date) => Math.max(0, Math.ceil((then.getTime() - now.getTime()) / 1000))

/** Whole seconds since 1970, as JWTs count (NumericDate, RFC 7519 §2). */
export const unixTime = (time: Date) => Math.floor(time.getTime() / 1000)

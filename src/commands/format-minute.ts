/** Example: 2026-01-31 12:00Z. */
export const formatMinute = (time: Date) => `${time.toISOString().slice(0, 16).replace('T', ' ')}Z`

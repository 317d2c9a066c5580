/** Milliseconds within which half, 95 and 99 of a hundred were answered; null where there was none. */
export type Times = { count: number, p50: number, p95: number, p99: number } | null

/** The smallest value that so many percent don't exceed. NaN when there is none. */
export function percentile (values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(percent / 100 * sorted.length) - 1)] ?? NaN
}

export const median = (values: readonly number[]) => percentile(values, 50)

export const times = (values: readonly number[]): Times =>
  values.length === 0 ? null : { count: values.length, p50: percentile(values, 50), p95: percentile(values, 95), p99: percentile(values, 99) }

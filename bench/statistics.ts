/** Percentiles of response times in milliseconds. Null without responses. */
export type Times = { count: number; p50: number; p95: number; p99: number } | null

/** The smallest value that `percent` percent of the values don't exceed. NaN without values. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? NaN
}

export const median = (values: readonly number[]) => percentile(values, 50)

export const times = (values: readonly number[]): Times =>
  values.length === 0
    ? null
    : {
        count: values.length,
        p50: percentile(values, 50),
        p95: percentile(values, 95),
        p99: percentile(values, 99)
      }

import { networkPasswordLimit, usernameMaxima } from '../login/password-limits.ts'
import { countryLimit, networkLimit, totalLimit } from '../messages/sms-limits.ts'
import type { Limits } from '../rate-limits/limits.ts'
import type { RateLimit, RateLimits } from '../rate-limits/rate-limit.ts'
import type { RequestContext } from '../request-context.ts'

/** What rate limits that many users share are counted for. */
export type LimitSubject =
  | ({ kind: 'ip' } & Pick<RequestContext, 'network' | 'widerNetworks'>)
  | { kind: 'country'; country: string }
  | { kind: 'total' }

/** A rate limit with its count, which is 0 without a current window. */
export type UsedLimit = {
  name: string
  /** The network, the country or `total`. */
  of: string
  count: number
  /** 0 if the limit is off. */
  max: number
  resetsAt: Date | null
}

/** One key, the maxima of its limits, and the names of those to show without a count. */
type Scope = {
  of: string
  key: RateLimit['key']
  maxima: Readonly<Record<string, number>>
  shown: readonly string[]
}

/**
 * The rate limits that count this subject. Those of one username from a network appear only if
 * they have a count. `rateLimits` has one entry for each secret (see `unlockUser`).
 */
export async function usedLimits(
  { rateLimits, limits }: { rateLimits: readonly Pick<RateLimits, 'find'>[]; limits: Limits },
  subject: LimitSubject,
  now: Date
): Promise<UsedLimit[]> {
  const used: UsedLimit[] = []
  for (const { of, key, maxima, shown } of scopesOf(limits, subject)) {
    const names = Object.keys(maxima)
    const found = (await Promise.all(rateLimits.map(({ find }) => find(names, key, now)))).flat()
    for (const name of names) {
      const counted = found.filter(limit => limit.name === name)
      const max = maxima[name] ?? 0
      if (counted.length === 0 && shown.includes(name))
        used.push({ name, of, count: 0, max, resetsAt: null })
      for (const { count, resetsAt } of counted) used.push({ name, of, count, max, resetsAt })
    }
  }
  return used
}

/** Deletes the counts of these limits. Resolves to the name of each that had a count. */
export async function clearLimits(
  { rateLimits, limits }: { rateLimits: readonly Pick<RateLimits, 'clear'>[]; limits: Limits },
  subject: LimitSubject
): Promise<string[]> {
  const cleared: string[] = []
  for (const { key, maxima } of scopesOf(limits, subject))
    for (const { clear } of rateLimits) cleared.push(...(await clear(Object.keys(maxima), key)))
  return cleared
}

/** Whether a limit refuses requests at the moment. */
export const isExhausted = ({ count, max }: UsedLimit) => max > 0 && count >= max

function scopesOf(limits: Limits, subject: LimitSubject): Scope[] {
  if (subject.kind === 'total') return [scope('total', {}, [totalLimit(limits)])]
  if (subject.kind === 'country')
    return [
      scope(subject.country, { country: subject.country }, [countryLimit(limits, subject.country)])
    ]
  const { network, widerNetworks } = subject
  return [{ network, times: 1 }, ...widerNetworks].map(({ network, times }) => {
    const { of, key, maxima, shown } = scope(network, { network }, [
      { name: 'requests', max: limits.requests },
      networkPasswordLimit(limits.passwordFailures, network),
      networkLimit(limits, network)
    ])
    const all = Object.entries({ ...maxima, ...usernameMaxima(limits) })
    return { of, key, shown, maxima: Object.fromEntries(all.map(([n, max]) => [n, max * times])) }
  })
}

const scope = (
  of: string,
  key: RateLimit['key'],
  limits: readonly Pick<RateLimit, 'name' | 'max'>[]
): Scope => ({
  of,
  key,
  maxima: Object.fromEntries(limits.map(({ name, max }) => [name, max])),
  shown: limits.map(({ name }) => name)
})

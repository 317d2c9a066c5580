import { marksIn, undeliverableLimitNames, type UndeliverableMark } from '../codes/undeliverable.ts'
import type { LoginObstacle } from '../login/login-obstacles.ts'
import { usernameMaxima } from '../login/password-limits.ts'
import { usernameKey } from '../login/username.ts'
import {
  countryLimit,
  loginMessageLimits,
  tokenMessageLimits,
  totalLimit
} from '../messages/sms-limits.ts'
import type { Limits } from '../rate-limits/limits.ts'
import type { CountedLimit, RateLimit, RateLimits } from '../rate-limits/rate-limit.ts'
import { timesOf } from '../request-context.ts'
import type { User } from '../users/user.ts'

/** A rate limit that refuses requests at the moment. */
type ExhaustedLimit = Pick<CountedLimit, 'name' | 'count' | 'resetsAt'> & {
  max: number
  /** Who or what is counted. */
  of: 'username and network' | 'number' | 'account' | 'country' | 'all'
  /** Null if the limit does not concern logins. */
  refuses: LoginObstacle['refuses'] | null
}

/** What refuses requests of one user. */
export type LimitsOfUser = { exhausted: ExhaustedLimit[]; marks: UndeliverableMark[] }

type Concerned = Pick<User, 'id' | 'username' | 'phone'> & { country: string | null }
type Finder = Pick<RateLimits, 'find'>

/**
 * The exhausted rate limits that refuse requests of a user, except those of addresses, and the
 * marks of their number as undeliverable. `rateLimits` has one entry for each secret, because
 * instances may count under different secrets while a secret is rotated.
 */
export async function limitsOfUser(
  { rateLimits, limits }: { rateLimits: readonly Finder[]; limits: Limits },
  user: Concerned,
  now: Date
): Promise<LimitsOfUser> {
  const found: LimitsOfUser = { exhausted: [], marks: [] }
  const { phone } = user
  for (const store of rateLimits) {
    found.exhausted.push(...(await ofUsername(store, limits, user, now)))
    for (const { of, refuses, limits: some } of groupsOf(limits, user))
      for (const limit of some)
        found.exhausted.push(...(await exhaustedOf(store, limit, { of, refuses }, now)))
    if (phone !== null)
      found.marks.push(...marksIn(await store.find(undeliverableLimitNames, { phone }, now)))
  }
  return found
}

async function ofUsername(
  { find }: Finder,
  limits: Limits,
  { username }: Concerned,
  now: Date
): Promise<ExhaustedLimit[]> {
  const maxima = usernameMaxima(limits)
  const counted = await find(Object.keys(maxima), { username: usernameKey(username) }, now)
  return counted.flatMap(limit => {
    const max = (maxima[limit.name] ?? Infinity) * timesOf(limit)
    const { name, count, resetsAt } = limit
    if (count < max) return []
    return { name, count, max, resetsAt, of: 'username and network', refuses: 'networks' } as const
  })
}

type Group = Pick<ExhaustedLimit, 'of' | 'refuses'>

/** The rate limits of messages to a user. */
function groupsOf(
  limits: Limits,
  { id: userId, phone, country }: Concerned
): (Group & { limits: RateLimit[] })[] {
  const owner = { userId, phone: phone ?? '' }
  const isOfNumber = ({ key }: RateLimit) => 'phone' in key
  const login = loginMessageLimits(limits, owner)
  const token = tokenMessageLimits(limits, owner)
  const split = (some: RateLimit[], refuses: Group['refuses']) => [
    { of: 'number' as const, refuses, limits: phone === null ? [] : some.filter(isOfNumber) },
    { of: 'account' as const, refuses, limits: some.filter(limit => !isOfNumber(limit)) }
  ]
  const isOn = ({ max }: RateLimit) => max > 0
  return [
    ...split(login, 'messages'),
    ...split(token, null),
    {
      of: 'country',
      refuses: 'messages',
      limits: country === null ? [] : [countryLimit(limits, country)].filter(isOn)
    },
    { of: 'all', refuses: 'messages', limits: [totalLimit(limits)].filter(isOn) }
  ]
}

async function exhaustedOf(
  { find }: Finder,
  { name, key, max }: RateLimit,
  group: Group,
  now: Date
): Promise<ExhaustedLimit[]> {
  const counted = await find([name], key, now)
  return counted.flatMap(({ count, resetsAt }) =>
    count < max ? [] : { name, count, max, resetsAt, ...group }
  )
}

/** What these limits and marks keep the user from doing. */
export const limitObstacles = ({ exhausted, marks }: LimitsOfUser): LoginObstacle[] => [
  ...marks.map(({ reason, until }) => ({
    reason: `Twilio reported the number as undeliverable (${reason})`,
    until,
    refuses: 'messages' as const
  })),
  ...exhausted.flatMap(({ name, count, of, resetsAt, refuses }) =>
    refuses === null ? [] : { reason: describe(name, count, of), until: resetsAt, refuses }
  )
]

function describe(name: string, count: number, of: ExhaustedLimit['of']): string {
  if (of === 'username and network') return `${count} wrong passwords from one`
  const window = name.endsWith('-day') ? 'a day' : 'an hour'
  const to = {
    number: 'to the number',
    account: 'of the account',
    country: 'to the country',
    all: 'in total'
  }[of]
  return `${count} messages ${to} in ${window}`
}

import type { Config } from '../config/config.ts'
import {
  clearLimits,
  isExhausted,
  usedLimits,
  type LimitSubject,
  type UsedLimit
} from '../domain/admin/shared-limits.ts'
import { formatEnd } from '../domain/login/login-obstacles.ts'
import type { Command, Run } from './command.ts'
import { fail } from './fail.ts'
import { formatLimit, setBy, withVariable } from './format-limit.ts'
import { limitSubject } from './limit-subject.ts'
import { secretIsMissing, serverSecrets } from './server-secrets.ts'

export const limitCommands: Record<string, Command> = {
  show: {
    operands: ['kind', 'value'],
    optional: 1,
    options: { json: { type: 'boolean' } },
    async prepare({ config, options }, kind = '', value?: string) {
      const { title, ...subject } = limitSubject(kind, value)
      const secrets = secretsFor(subject, config)
      return async ports => {
        const now = ports.clock()
        const { limits } = config.policy
        const rateLimits = secrets.map(ports.rateLimitsUnder)
        const used = await usedLimits({ rateLimits, limits }, subject, now)
        const traffic = await trafficOf(ports, subject, config, now)
        const pausedUntil = traffic?.pausedUntil ?? null
        if (options['json'] === true)
          return JSON.stringify({ of: title, limits: used.map(withVariable), traffic })
        return [
          ...used.map(describeLimit),
          ...(subject.kind === 'country' ? describeTraffic(traffic, config) : []),
          ...(subject.kind === 'ip' ? [inMemory] : []),
          '',
          verdict(title, used, pausedUntil)
        ].join('\n')
      }
    }
  },
  clear: {
    operands: ['kind', 'value'],
    optional: 1,
    async prepare({ config }, kind = '', value?: string) {
      const { title, ...subject } = limitSubject(kind, value)
      const secrets = secretsFor(subject, config)
      return async ports => {
        const rateLimits = secrets.map(ports.rateLimitsUnder)
        const { limits } = config.policy
        const traffic = await trafficOf(ports, subject, config, ports.clock())
        const cleared = await clearLimits({ rateLimits, limits }, subject)
        if (subject.kind === 'country') await ports.countryCounts.clear(subject.country)
        ports.events.record({
          name: 'limits.cleared',
          context: null,
          actor: 'operator',
          subject: title
        })
        const lines = [
          ...[...new Set(cleared)].sort().map(name => `Reset rate limit ${name}.`),
          ...(traffic === null ? [] : ['Reset the counts of messages and verified codes.']),
          ...(traffic?.pausedUntil ? ['Ended the pause of messages.'] : [])
        ]
        return [
          ...(lines.length === 0 ? ['There was nothing to reset.'] : lines),
          'A running server may refuse requests for another five seconds.',
          ...(subject.kind === 'ip' ? [inMemory] : [])
        ].join('\n')
      }
    }
  }
}

/** What a command that uses the database cannot see or reset. */
const inMemory =
  'Requests with an access token (session-requests.…) are counted in the memory of each server, ' +
  'for a minute.'

/** The secrets that key the limits of this subject. The limit of all messages has no key. */
function secretsFor({ kind }: LimitSubject, config: Config): readonly Buffer[] {
  const secrets = serverSecrets(config)
  if (kind === 'total') return secrets.length > 0 ? secrets.slice(0, 1) : [Buffer.alloc(32)]
  return secrets.length > 0 ? secrets : fail(secretIsMissing)
}

type Traffic = Awaited<ReturnType<Parameters<Run>[0]['countryCounts']['find']>>

const trafficOf = async (
  { countryCounts }: Parameters<Run>[0],
  subject: LimitSubject,
  { policy }: Config,
  now: Date
): Promise<Traffic> =>
  subject.kind === 'country' && policy.conversion.floor > 0
    ? countryCounts.find(subject.country, now)
    : null

function describeLimit({ name, of, count, max, resetsAt }: UsedLimit): string {
  const prefix = of === 'total' ? '' : `${of}  `
  if (max === 0) return `${prefix}${name}: off${setBy(name)}`
  if (resetsAt === null) return `${prefix}${name}: ${count} of ${max}${setBy(name)}`
  return prefix + formatLimit({ name, count, max, resetsAt })
}

function describeTraffic(traffic: Traffic, { policy }: Config): string[] {
  const { floor, volume } = policy.conversion
  if (floor === 0) return [`sms.country-paused: off${setBy('sms.country-paused')}`]
  const { messages, verified } = traffic ?? { messages: 0, verified: 0 }
  return [
    `messages whose codes have ended: ${messages}, of which ${verified} were entered`,
    `sms.country-paused: below ${floor} % of at least ${volume} messages in an hour` +
      setBy('sms.country-paused')
  ]
}

function verdict(title: string, used: readonly UsedLimit[], pausedUntil: Date | null): string {
  const refusing = used.filter(isExhausted)
  const ends = [
    ...refusing.flatMap(({ resetsAt }) => resetsAt ?? []),
    ...(pausedUntil ? [pausedUntil] : [])
  ]
  if (ends.length === 0) return `No limit of ${title} is exhausted.`
  const names = [
    ...refusing.map(({ name }) => name),
    ...(pausedUntil ? ['sms.country-paused'] : [])
  ]
  const end = new Date(Math.max(...ends.map(Number)))
  return `${title} is refused until ${formatEnd(end)}: ${[...new Set(names)].join(', ')}.`
}

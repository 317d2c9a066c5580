import { clockSkew } from '../../domain/deadlines.ts'
import type { Events } from '../../domain/events.ts'
import {
  looksLikePumping,
  type Conversion,
  type ConversionPolicy,
  type CountryTraffic
} from '../../domain/messages/sms-pumping.ts'
import type { PrismaClient } from '../prisma/client.ts'

/** The minimum time between two reads of a country's shared counters, in milliseconds. */
const syncIntervalMs = 1000

/** The counts of this instance for a country that are not in the database yet. */
type CountryEntry = {
  /** Sent messages by the time when their codes expire, in milliseconds. */
  due: { at: number; messages: number }[]
  verified: number
  pausedUntil: Date | null
  syncedAt: number
}

/** The counts of sent messages and accepted codes, shared by all instances. */
export type SharedCountryTraffic = CountryTraffic & {
  /** Adds this instance's counts. Call this every few seconds and before the process ends. */
  flush: (now: Date) => Promise<void>
}

/**
 * Counts sent messages and accepted codes per country in PostgreSQL. Each instance adds its own
 * counts at most once a second and country, because otherwise all logins of a country would wait
 * for one row. A pause may therefore start a second late. A message counts once its code has
 * expired, because until then a user may still enter it.
 */
export function createCountryTraffic(
  prisma: PrismaClient,
  policy: ConversionPolicy & { codeTtl: number },
  events: Events
): SharedCountryTraffic {
  const countries = new Map<string, CountryEntry>()
  const entryFor = (country: string) => {
    const entry = countries.get(country) ?? {
      due: [],
      verified: 0,
      pausedUntil: null,
      syncedAt: -Infinity
    }
    countries.set(country, entry)
    return entry
  }

  const pauseEnd = (now: Date) => new Date(now.getTime() + policy.pause * 1000)

  // A code that expires later than a new one was sent before the clock was set back, and is void.
  const hasExpired = (at: number, now: Date) =>
    at <= now.getTime() || at > now.getTime() + (policy.codeTtl + clockSkew) * 1000

  /** Adds this instance's counts, reads the totals and pauses the country if necessary. */
  async function sync(country: string, entry: CountryEntry, now: Date) {
    entry.syncedAt = now.getTime()
    const expired = entry.due.filter(({ at }) => hasExpired(at, now))
    const messages = expired.reduce((sum, due) => sum + due.messages, 0)
    const { verified } = entry
    const row = await addCounts(country, { messages, verified }, now)
    entry.due = entry.due.filter(due => !expired.includes(due))
    entry.verified -= verified
    if (row === undefined) return
    const { pausedUntil, ...conversion } = row
    entry.pausedUntil = pausedUntil
    if (looksLikePumping(conversion, policy) && !isAfter(pausedUntil, now))
      entry.pausedUntil = await pause(country, conversion, now)
  }

  async function addCounts(country: string, { messages, verified }: Conversion, now: Date) {
    // An hour or a pause never ends later than one that starts now. Otherwise a clock that was
    // ahead and is set back would extend it.
    const latestReset = new Date(now.getTime() + Math.max(3600, policy.pause) * 1000)
    const latestPauseEnd = pauseEnd(now)
    const [row] = await prisma.$queryRaw<(Conversion & { pausedUntil: Date | null })[]>`
      INSERT INTO country_traffic AS traffic (country, messages, verified, resets_at)
      VALUES (${country}, ${messages}, ${verified}, ${now}::timestamptz + interval '1 hour')
      ON CONFLICT (country) DO UPDATE SET
        messages = EXCLUDED.messages + CASE
          WHEN traffic.resets_at > ${now}::timestamptz THEN traffic.messages
          ELSE 0
        END,
        verified = EXCLUDED.verified + CASE
          WHEN traffic.resets_at > ${now}::timestamptz THEN traffic.verified
          ELSE 0
        END,
        resets_at = CASE
          WHEN traffic.resets_at > ${now}::timestamptz
          THEN least(traffic.resets_at, ${latestReset}::timestamptz)
          ELSE EXCLUDED.resets_at
        END,
        paused_until = CASE
          WHEN traffic.paused_until > ${latestPauseEnd}::timestamptz
          THEN ${latestPauseEnd}::timestamptz
          ELSE traffic.paused_until
        END
      RETURNING messages, verified, paused_until AS "pausedUntil"`
    return row
  }

  /** Only one instance pauses the country and records the event. Its counters start at zero. */
  async function pause(country: string, conversion: Conversion, now: Date): Promise<Date> {
    const until = pauseEnd(now)
    const updated = await prisma.$executeRaw`
      UPDATE country_traffic
      SET
        paused_until = ${until}::timestamptz,
        messages = 0,
        verified = 0,
        resets_at = ${until}::timestamptz
      WHERE country = ${country}
        AND (paused_until IS NULL OR paused_until <= ${now}::timestamptz)`
    if (updated === 1)
      events.record({ name: 'sms.country_paused', context: null, country, ...conversion, until })
    return until
  }

  return {
    async pausedUntil(country, now) {
      if (policy.floor === 0) return null
      const entry = entryFor(country)
      if (Math.abs(now.getTime() - entry.syncedAt) >= syncIntervalMs)
        await sync(country, entry, now)
      return isAfter(entry.pausedUntil, now) ? entry.pausedUntil : null
    },
    recordSent(country, now) {
      if (policy.floor === 0) return
      const { due } = entryFor(country)
      // Grouped by second, because a busy instance sends many messages.
      const at = Math.ceil(now.getTime() / 1000 + policy.codeTtl) * 1000
      const last = due.at(-1)
      if (last?.at === at) last.messages++
      else due.push({ at, messages: 1 })
    },
    recordFailed(country, now) {
      // The instance that sent the message counts it, when its code has expired, if that is not
      // this one.
      const { due } = entryFor(country)
      const sent = due.findLast(({ at, messages }) => messages > 0 && !hasExpired(at, now))
      if (sent === undefined) return
      sent.messages--
      due.unshift({ at: now.getTime(), messages: 1 })
    },
    recordVerified(country) {
      if (policy.floor > 0) entryFor(country).verified++
    },
    async flush(now) {
      for (const [country, entry] of countries) {
        if (entry.verified > 0 || entry.due.some(({ at }) => hasExpired(at, now)))
          await sync(country, entry, now)
      }
    }
  }
}

const isAfter = (time: Date | null, now: Date) => time !== null && time > now

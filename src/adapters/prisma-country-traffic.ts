import { isPumped, type Conversion, type ConversionPolicy, type CountryTraffic } from '../domain/country-traffic.ts'
import type { Events } from '../domain/events.ts'
import type { PrismaClient } from './prisma/client.ts'

/** Milliseconds between two looks at what all instances together have counted. */
const lookEvery = 1000

/** What this instance knows of a country: texts by when their codes will have ended, and right codes, not yet told the others. */
type Known = { due: { at: number, texts: number }[], verified: number, stoppedUntil: Date | null, lookedAt: number }

/** The account of texts and right codes, as it is kept for all instances. */
export type SharedCountryTraffic = CountryTraffic & {
  /** Tells the others what this instance has counted. To be called every few seconds, and before the end. */
  share: (now: Date) => Promise<void>
}

/**
 * The account of texts and right codes in PostgreSQL. Each instance counts for itself and adds its share at most once a
 * second and country, so that no login waits for a row which all logins of a country write: an alarm may be a second late.
 * A text counts when its code has ended, and not while somebody may yet type it.
 */
export function prismaCountryTraffic (prisma: PrismaClient, policy: ConversionPolicy & { codeTtl: number }, events: Events): SharedCountryTraffic {
  const countries = new Map<string, Known>()
  const known = (country: string) => {
    const entry = countries.get(country) ?? { due: [], verified: 0, stoppedUntil: null, lookedAt: -Infinity }
    countries.set(country, entry)
    return entry
  }

  /** Adds this instance's share to the others' and learns how things stand. */
  async function look (country: string, mine: Known, now: Date) {
    mine.lookedAt = now.getTime()
    const ended = mine.due.filter(({ at }) => at <= now.getTime())
    const texts = ended.reduce((sum, due) => sum + due.texts, 0)
    const { verified } = mine
    const [row] = await prisma.$queryRaw<(Conversion & { stoppedUntil: Date | null })[]>`
      INSERT INTO country_traffic AS traffic (country, texts, verified, ends_at)
      VALUES (${country}, ${texts}, ${verified}, ${now}::timestamptz + interval '1 hour')
      ON CONFLICT (country) DO UPDATE SET
        texts = EXCLUDED.texts + CASE WHEN traffic.ends_at > ${now}::timestamptz THEN traffic.texts ELSE 0 END,
        verified = EXCLUDED.verified + CASE WHEN traffic.ends_at > ${now}::timestamptz THEN traffic.verified ELSE 0 END,
        ends_at = CASE WHEN traffic.ends_at > ${now}::timestamptz THEN traffic.ends_at ELSE EXCLUDED.ends_at END
      RETURNING texts, verified, stopped_until AS "stoppedUntil"`
    mine.due = mine.due.filter(due => !ended.includes(due))
    mine.verified -= verified
    if (row === undefined) return
    const { stoppedUntil, ...conversion } = row
    mine.stoppedUntil = stoppedUntil
    if (isPumped(conversion, policy) && !isAfter(stoppedUntil, now)) mine.stoppedUntil = await stop(country, conversion, now)
  }

  /** Of several instances one stops the country; it starts again with an account of its own. */
  async function stop (country: string, conversion: Conversion, now: Date): Promise<Date> {
    const until = new Date(now.getTime() + policy.pause * 1000)
    const stopped = await prisma.$executeRaw`
      UPDATE country_traffic SET stopped_until = ${until}::timestamptz, texts = 0, verified = 0, ends_at = ${until}::timestamptz
      WHERE country = ${country} AND (stopped_until IS NULL OR stopped_until <= ${now}::timestamptz)`
    if (stopped === 1) events.record({ name: 'country.stopped', caller: null, country, ...conversion, until })
    return until
  }

  return {
    async stoppedUntil (country, now) {
      if (policy.floor === 0) return null
      const entry = known(country)
      if (Math.abs(now.getTime() - entry.lookedAt) >= lookEvery) await look(country, entry, now)
      return isAfter(entry.stoppedUntil, now) ? entry.stoppedUntil : null
    },
    texted (country, now) {
      if (policy.floor === 0) return
      const { due } = known(country)
      // By the second, as there may be many.
      const at = Math.ceil(now.getTime() / 1000 + policy.codeTtl) * 1000
      const last = due.at(-1)
      if (last?.at === at) last.texts++
      else due.push({ at, texts: 1 })
    },
    verified (country) {
      if (policy.floor > 0) known(country).verified++
    },
    async share (now) {
      for (const [country, mine] of countries) {
        if (mine.verified > 0 || mine.due.some(({ at }) => at <= now.getTime())) await look(country, mine, now)
      }
    }
  }
}

const isAfter = (time: Date | null, now: Date) => time !== null && time > now

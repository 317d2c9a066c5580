import { isPumped, type Conversion, type ConversionPolicy, type CountryTraffic } from '../domain/country-traffic.ts'
import type { Events } from '../domain/events.ts'
import type { PrismaClient } from './prisma/client.ts'

/** Milliseconds between two looks at what all instances together have counted. */
const lookEvery = 1000

type Known = Conversion & { stoppedUntil: Date | null, lookedAt: number }

/**
 * The account of texts and right codes in PostgreSQL. Each instance counts for itself and adds its share at most once a
 * second and country, so that no login waits for a row which all logins of a country write: an alarm may be a second late.
 */
export function prismaCountryTraffic (prisma: PrismaClient, policy: ConversionPolicy, events: Events): CountryTraffic {
  const countries = new Map<string, Known>()
  const known = (country: string) => {
    const entry = countries.get(country) ?? { texts: 0, verified: 0, stoppedUntil: null, lookedAt: 0 }
    countries.set(country, entry)
    return entry
  }

  /** Adds this instance's share to the others' and learns how things stand. */
  async function look (country: string, mine: Known, now: Date) {
    const { texts, verified } = mine
    mine.lookedAt = now.getTime()
    const [row] = await prisma.$queryRaw<(Conversion & { stoppedUntil: Date | null })[]>`
      INSERT INTO country_traffic AS traffic (country, texts, verified, ends_at)
      VALUES (${country}, ${texts}, ${verified}, ${now}::timestamptz + interval '1 hour')
      ON CONFLICT (country) DO UPDATE SET
        texts = EXCLUDED.texts + CASE WHEN traffic.ends_at > ${now}::timestamptz THEN traffic.texts ELSE 0 END,
        verified = EXCLUDED.verified + CASE WHEN traffic.ends_at > ${now}::timestamptz THEN traffic.verified ELSE 0 END,
        ends_at = CASE WHEN traffic.ends_at > ${now}::timestamptz THEN traffic.ends_at ELSE EXCLUDED.ends_at END
      RETURNING texts, verified, stopped_until AS "stoppedUntil"`
    if (row === undefined) return
    mine.texts -= texts
    mine.verified -= verified
    mine.stoppedUntil = row.stoppedUntil
    const { texts: allTexts, verified: allVerified } = row
    if (isPumped(row, policy) && !isAfter(row.stoppedUntil, now)) mine.stoppedUntil = await stop(country, { texts: allTexts, verified: allVerified }, now)
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
      if (now.getTime() - entry.lookedAt >= lookEvery) await look(country, entry, now)
      return isAfter(entry.stoppedUntil, now) ? entry.stoppedUntil : null
    },
    texted (country) { known(country).texts++ },
    verified (country) { known(country).verified++ }
  }
}

const isAfter = (time: Date | null, now: Date) => time !== null && time > now

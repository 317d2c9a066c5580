import type { CountryCounts } from '../../domain/messages/sms-pumping.ts'
import type { PrismaClient } from '../prisma/client.ts'

/** The counts of messages per country in PostgreSQL, which `createCountryTraffic` writes. */
export const createCountryCounts = (prisma: PrismaClient): CountryCounts => ({
  async find(country, now) {
    const found = await prisma.countryTraffic.findUnique({ where: { country } })
    if (found === null) return null
    const { messages, verified, resetsAt, pausedUntil } = found
    const isPaused = pausedUntil !== null && pausedUntil > now
    if (resetsAt <= now && !isPaused) return null
    return { messages, verified, resetsAt, pausedUntil: isPaused ? pausedUntil : null }
  },
  async clear(country) {
    await prisma.countryTraffic.deleteMany({ where: { country } })
  }
})

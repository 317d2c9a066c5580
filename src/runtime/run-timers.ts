import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { PrismaClient } from '../adapters/prisma/client.ts'
import { deadlineGuard } from '../adapters/stores/cap-deadlines.ts'
import type { SharedCountryTraffic } from '../adapters/stores/country-traffic.ts'
import { countPasswordKinds } from '../adapters/stores/password-kinds.ts'
import { deleteExpired } from '../adapters/stores/delete-expired.ts'
import { repairPhones } from '../adapters/stores/repair-phones.ts'
import type { PasswordsWithDecoys } from '../adapters/secrets/passwords.ts'
import type { Clock } from '../domain/clock.ts'
import type { DeadlinePolicy } from '../domain/deadlines.ts'

/** What the periodic work of a server needs. */
type Maintenance = {
  prisma: PrismaClient
  countryTraffic: SharedCountryTraffic
  passwords: PasswordsWithDecoys
  clock: Clock
  policy: DeadlinePolicy
  log: Logger
}

/**
 * Runs the periodic work of a server until `app` closes: caps late deadlines, deletes expired rows,
 * flushes the counts of messages and counts the kinds of password digests. Resolves after the first
 * cap and the first count of kinds, so that no request meets a late deadline or an unknown kind.
 */
export async function runTimers(
  app: FastifyInstance,
  { prisma, countryTraffic, passwords, clock, policy, log }: Maintenance
) {
  const guard = deadlineGuard(prisma, policy)
  const capDeadlines = () =>
    guard(clock()).catch(logAndRetryLater(log, 'late deadlines were not shortened'))
  const removeExpired = () =>
    deleteExpired(prisma, clock()).catch(
      logAndRetryLater(log, 'expired rate limits and sessions were not deleted')
    )
  const flushTraffic = () =>
    countryTraffic
      .flush(clock())
      .catch(logAndRetryLater(log, 'counts of messages and accepted codes were not stored'))

  const countKinds = () =>
    countPasswordKinds(prisma)
      .then(passwords.useKinds)
      .catch(logAndRetryLater(log, 'the kinds of stored passwords were not counted'))

  await Promise.all([capDeadlines(), countKinds()])
  const timers = [
    setInterval(() => void capDeadlines(), 5_000),
    setInterval(() => void removeExpired(), 60_000),
    setInterval(() => void flushTraffic(), 5_000),
    setInterval(() => void countKinds(), 50_000)
  ]
  app.addHook('onClose', async () => {
    for (const timer of timers) clearInterval(timer)
    await flushTraffic()
  })
}

/** Rewrites stored phone numbers in the background. Stops when `app` closes. */
export function repairPhonesUntilClosed(
  app: FastifyInstance,
  { prisma, log }: Pick<Maintenance, 'prisma' | 'log'>
) {
  const closing = new AbortController()
  const repair = repairPhones(prisma, { pauseMs: 20, signal: closing.signal }).then(
    count => {
      if (count > 0) log.info({ count }, 'rewrote stored phone numbers in canonical E.164 form')
    },
    error => log.warn({ err: error }, 'phone numbers not repaired; the next start tries again')
  )
  app.addHook('onClose', async () => {
    closing.abort()
    await repair
  })
}

const logAndRetryLater = (log: Logger, failure: string) => (error: unknown) =>
  log.warn({ err: error }, `${failure}; the next run retries`)

import type { Clock } from '../clock.ts'
import type { Policy } from '../policy.ts'
import { perNetwork, type RequestContext } from '../request-context.ts'
import type { RateLimit } from './rate-limit.ts'

/**
 * Protects the database from GET and DELETE requests with an access token and from reads of a
 * challenge, which are cheap to send.
 */
export type SessionRequestLimiter = {
  /**
   * Consumes all of these rate limits or none. Throws `rateLimited`. Each instance has its own
   * counts, because the limits protect the instance, and a read must not cause a write.
   */
  consume: (limits: readonly RateLimit[], now: Date) => void
  /**
   * Runs `work` with a bounded number of others, so that logins, codes and refreshes always find a
   * database connection. Throws `busy` when too many requests wait, or one waits for too long.
   */
  run: <T>(work: () => Promise<T>) => Promise<T>
}

export type LimitSessionRequestsPorts = {
  sessionRequests: SessionRequestLimiter
  clock: Clock
  policy: Policy
}

/**
 * Runs `work` for a session or a challenge, within its rate limits and those of the caller's
 * network. Throws `too-many-attempts` and `busy`.
 */
export async function limitSessionRequests<T>(
  { sessionRequests, clock, policy }: LimitSessionRequestsPorts,
  context: RequestContext,
  { id }: { id: string },
  work: () => Promise<T>
): Promise<T> {
  const { requestsPerSession, sessionRequestsPerNetwork } = policy.limits
  const perSession: RateLimit = {
    name: 'session-requests.session',
    key: { session: id },
    max: requestsPerSession,
    windowSeconds: 60
  }
  const limits = [
    perSession,
    ...perNetwork(context, network => ({
      name: 'session-requests.network',
      key: { network },
      max: sessionRequestsPerNetwork,
      windowSeconds: 60
    }))
  ].filter(({ max }) => max > 0)
  sessionRequests.consume(limits, clock())
  return sessionRequests.run(work)
}

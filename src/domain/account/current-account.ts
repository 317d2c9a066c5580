import {
  limitSessionRequests,
  type LimitSessionRequestsPorts
} from '../rate-limits/limit-session-requests.ts'
import type { RefusalSlug } from '../refusal.ts'
import type { RequestContext } from '../request-context.ts'
import {
  requireLiveSession,
  type RequireLiveSessionPorts
} from '../sessions/require-live-session.ts'
import type { SessionRef } from '../sessions/session.ts'
import { toAccount, type Account } from './account.ts'

export type CurrentAccountPorts = RequireLiveSessionPorts & LimitSessionRequestsPorts

export const currentAccountRefusals = [
  'invalid-token', // The session has ended.
  'too-many-attempts',
  'busy'
] as const satisfies readonly RefusalSlug[]

/** The account that an access token belongs to. Throws `currentAccountRefusals`. */
export const currentAccount = async (
  ports: CurrentAccountPorts,
  context: RequestContext,
  session: SessionRef
): Promise<Account> =>
  toAccount(
    await limitSessionRequests(ports, context, session, () => requireLiveSession(ports, session))
  )

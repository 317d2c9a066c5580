import type { EventName, Events } from '../../domain/events.ts'
import type { Refusal, RefusalSlug } from '../../domain/refusal.ts'
import type { RequestContext } from '../../domain/request-context.ts'
import { variableOf } from '../problems/limit-variables.ts'

/**
 * Records why a request was refused, so that the log explains every refusal. Does nothing if
 * another event has explained it.
 */
export function recordRefusal(
  events: Events,
  context: RequestContext,
  { slug, facts: { limit, reason } }: Refusal
): void {
  if (limit !== undefined) {
    const variable = variableOf(limit) ?? null
    events.record({ name: 'rate_limit.exceeded', context, limit, variable })
    return
  }
  const isOfApiKey = reason?.startsWith('api-key-') ?? false
  const name = isOfApiKey ? 'api_key.rejected' : eventNames[slug]
  if (name !== null) events.record({ name, context, problem: slug, reason: reason ?? null })
}

/** The event of each refusal without a rate limit; null for those that are recorded elsewhere. */
const eventNames = {
  'invalid-token': 'access_token.rejected',
  'session-ended': 'refresh_token.rejected',
  'challenge-ended': 'challenge.rejected',
  'reauthentication-required': 'reauthentication.required',
  'resend-too-soon': 'request.refused',
  'too-many-attempts': 'request.refused',
  'too-many-texts': 'request.refused',
  busy: 'request.refused',
  'sms-unavailable': 'request.refused',
  'sms-undeliverable': 'request.refused',
  'invalid-signature': 'request.refused',
  'not-found': 'request.refused',
  'unknown-action': 'request.refused',
  'username-taken': 'request.refused',
  'invalid-request': 'request.refused',
  // The use cases record these, as `password.rejected` and `code.rejected`.
  'invalid-credentials': null,
  'wrong-code': null,
  'code-expired': null,
  // `database.failed`.
  'database-unavailable': null,
  // Only a health probe gets it.
  'not-ready': null
} as const satisfies Record<RefusalSlug, EventName | null>

/**
 * Every expected failure. A slug is the last path segment of a problem's `type`, so it must not
 * change.
 */
export type RefusalSlug =
  | 'invalid-credentials'
  | 'wrong-code'
  | 'code-expired'
  | 'challenge-ended'
  | 'resend-too-soon'
  | 'too-many-attempts'
  | 'too-many-texts'
  | 'busy'
  | 'sms-unavailable'
  | 'sms-undeliverable'
  | 'invalid-token'
  | 'invalid-signature'
  | 'session-ended'
  | 'reauthentication-required'
  | 'not-found'
  | 'unknown-action'
  | 'username-taken'
  | 'invalid-request'
  | 'not-ready'
  | 'database-unavailable'

/** Details of a refusal. All of them except `limit` are sent to the caller. */
export type RefusalFacts = {
  /** Whole seconds until a retry can succeed. */
  retryAfter?: number
  attemptsRemaining?: number
  /** The invalid parts of the request, each with the reason. */
  errors?: readonly { path: readonly string[]; detail: string }[]
  /** Maximum age of the login, in seconds. */
  maxAge?: number
  /** What there were too many of. `codes-off` ends only when the operator unlocks the account. */
  reason?: 'requests' | 'passwords' | 'codes' | 'codes-off'
  /** The name of the exhausted rate limit. For the operator, because callers must not learn it. */
  limit?: string
}

/** An expected failure that the caller learns about. Any other error is a bug or an outage. */
export class Refusal extends Error {
  readonly slug: RefusalSlug
  readonly facts: RefusalFacts

  constructor(slug: RefusalSlug, facts: RefusalFacts = {}) {
    super(slug)
    this.name = 'Refusal'
    this.slug = slug
    this.facts = facts
  }
}

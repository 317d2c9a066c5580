/** Every expected "no". The names are the last part of a problem's `type`, so callers depend on them. */
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
  | 'session-ended'
  | 'reauthentication-required'
  | 'not-found'
  | 'unknown-action'
  | 'invalid-request'
  | 'not-ready'
  | 'database-unavailable'

/** What a caller may be told besides the slug. */
export type RefusalFacts = {
  /** Whole seconds until asking again can succeed. */
  retryAfter?: number
  attemptsRemaining?: number
  /** Which parts of the request won't do, and why. */
  errors?: readonly { path: readonly string[], detail: string }[]
  /** Seconds that may have passed since the login. */
  maxAge?: number
  /** Of what there were too many: requests, passwords or codes; `codes-off`: so many that only the operator can help. */
  reason?: 'requests' | 'passwords' | 'codes' | 'codes-off'
}

/** A "no" the caller is entitled to. Anything else thrown is a bug or an outage. */
export class Refusal extends Error {
  readonly slug: RefusalSlug
  readonly facts: RefusalFacts

  constructor (slug: RefusalSlug, facts: RefusalFacts = {}) {
    super(slug)
    this.name = 'Refusal'
    this.slug = slug
    this.facts = facts
  }
}

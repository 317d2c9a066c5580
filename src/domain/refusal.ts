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

/** Why a JWT is not a valid one of its kind. */
const jwtFaults = [
  'malformed',
  'wrong-kind',
  /** No current key has its id, for example because the key was retired. */
  'unknown-key',
  'forged',
  /** It has another issuer or audience, lacks a claim, or is not valid yet. */
  'wrong-claims',
  'expired'
] as const

export type JwtFault = (typeof jwtFaults)[number]

/**
 * The reasons of each refusal that has several. The log names the reason. `detail` in the response
 * depends on it only where that tells an attacker nothing new, and `reason` in the response is that
 * of `too-many-attempts` only.
 */
export const refusalReasons = {
  'invalid-credentials': [
    'unknown-user',
    'wrong-password',
    'disabled',
    'no-phone',
    /** The password of the session's own user. */
    'wrong-current-password'
  ],
  'wrong-code': [
    'wrong',
    /** The challenge has no attempts left. */
    'last-attempt',
    /** This wrong code has locked the account. */
    'locked',
    /** The same, until the operator unlocks it. */
    'locked-off'
  ],
  'challenge-ended': [
    ...jwtFaults,
    /** The right code closed it, or a change of the account did. */
    'used',
    /** There is no such challenge any more: a newer one replaced it, or the user was deleted. */
    'replaced',
    'out-of-attempts',
    /** The account or the challenge changed while the request was processed. */
    'changed'
  ],
  'invalid-token': [
    'missing',
    ...jwtFaults,
    'session-ended',
    'api-key-missing',
    'api-key-malformed',
    'api-key-unknown'
  ],
  'session-ended': [
    'malformed',
    /** The session expired, was ended or never existed. */
    'ended',
    /** A used refresh token was sent again, so the session was revoked. */
    'reused'
  ],
  'reauthentication-required': ['too-old', 'one-factor'],
  'too-many-attempts': [
    'requests',
    'passwords',
    'codes',
    /** As many wrong codes as end the use of codes until the operator unlocks the account. */
    'codes-off'
  ]
} as const satisfies Partial<Record<RefusalSlug, readonly string[]>>

type Reasons = typeof refusalReasons

/** A reason of a refusal with this slug; never for a slug with only one. */
export type ReasonOf<Slug> = Slug extends keyof Reasons ? Reasons[Slug][number] : never

export type RefusalReason = ReasonOf<keyof Reasons>

/** Details of a refusal. All of them except `limit` and `reason` are sent to the caller. */
export type RefusalFacts = {
  /** Whole seconds until a retry can succeed. */
  retryAfter?: number
  attemptsRemaining?: number
  /** The invalid parts of the request, each with the reason. */
  errors?: readonly { path: readonly string[]; detail: string }[]
  /** Maximum age of the login, in seconds. */
  maxAge?: number
  /** The name of the exhausted rate limit. For the operator, because callers must not learn it. */
  limit?: string
  reason?: RefusalReason
}

/** The arguments of `Refusal`. Where a slug has several reasons, one is required. */
type Arguments = {
  [Slug in RefusalSlug]: Slug extends keyof Reasons
    ? [slug: Slug, facts: RefusalFacts & { reason: ReasonOf<Slug> }]
    : [slug: Slug, facts?: RefusalFacts & { reason?: never }]
}[RefusalSlug]

/** An expected failure that the caller learns about. Any other error is a bug or an outage. */
export class Refusal extends Error {
  readonly slug: RefusalSlug
  readonly facts: RefusalFacts

  constructor(...[slug, facts = {}]: Arguments) {
    super(slug)
    this.name = 'Refusal'
    this.slug = slug
    this.facts = facts
  }
}

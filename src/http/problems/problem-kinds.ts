import type { ReasonOf, RefusalReason, RefusalSlug } from '../../domain/refusal.ts'

/**
 * The fixed part of a problem type. `detail` in a response is `meaning` followed by `remedy`, which
 * is what the caller should do next. /docs and the generated error table show both.
 */
export type ProblemKind = {
  status: number
  title: string
  meaning: string
  remedy: string
  retryAfter?: number
  /**
   * `detail` for some reasons of the refusal, where they tell an attacker nothing new.
   * `{retryAfter}` stands for its value.
   */
  cases?: Readonly<Partial<Record<RefusalReason, string>>>
}

type ProblemKinds = {
  [Slug in ProblemSlug]: ProblemKind & {
    cases?: Readonly<Partial<Record<ReasonOf<Slug>, string>>>
  }
}

/** Problems that come from HTTP itself and not from the domain. */
type TransportSlug =
  | 'method-not-allowed'
  | 'payload-too-large'
  | 'unsupported-media-type'
  | 'request-timeout'
  | 'headers-too-large'
  | 'internal-error'

export type ProblemSlug = RefusalSlug | TransportSlug

// Alike, so that a response does not tell how close a forgery comes.
const notOurs =
  'This service did not issue the token for this purpose, or no longer accepts the key that ' +
  'signed it.'

const sendAccessToken = 'Send the `accessToken` of `POST /verify` or `POST /refresh`.'
const notTheCode = 'The code is not the one in the newest message'
const startAgain = 'Start again with `POST /login`, `POST /confirmations` or `POST /me/phone`.'

/**
 * Every problem type, and the only place that maps a slug to an HTTP status. A new slug doesn't
 * compile until it has a row here. Titles summarize the type (RFC 9457 §3.1.4).
 */
export const problemKinds: ProblemKinds = {
  'invalid-request': {
    status: 400,
    title: 'Invalid request',
    meaning:
      'A field is missing, unknown or malformed, or the body is not JSON. Nothing was changed.',
    remedy: 'Correct the fields listed in `errors`, if present, and send the request again.'
  },
  'invalid-credentials': {
    status: 401,
    title: 'Wrong username or password',
    meaning:
      'The username or password is wrong, or the user may not log in. ' +
      'The response does not say which.',
    remedy: 'Ask the user for both again.',
    cases: {
      'wrong-current-password': 'The current password is wrong. Ask the user for it again.'
    }
  },
  'wrong-code': {
    status: 401,
    title: 'Wrong code',
    meaning: `${notTheCode}.`,
    remedy: 'Ask the user for the code again. When `attemptsRemaining` is 0, start over.',
    cases: {
      'last-attempt': `${notTheCode}, and no attempts are left. ${startAgain}`,
      locked:
        `${notTheCode}, and too many in a row were wrong, so the account is locked for ` +
        '{retryAfter} seconds. Start again after that.',
      'locked-off':
        `${notTheCode}, and so many in a row were wrong that the account stays locked until ` +
        'the operator unlocks it.'
    }
  },
  'code-expired': {
    status: 401,
    title: 'The code has expired',
    meaning: 'The code expired before it was submitted, so its digits were not checked.',
    remedy: 'Send a new code with `POST /resend` or `POST /confirmations/resend`.'
  },
  'challenge-ended': {
    status: 401,
    title: 'The login or confirmation has ended',
    meaning:
      'The login or confirmation is unknown, completed, replaced, expired or out of attempts.',
    remedy: startAgain,
    cases: {
      malformed: 'The challenge token is not a JWT. Send it as it was received.',
      'wrong-kind':
        'The token is of another kind than this endpoint takes. ' +
        'Send the token of this login, confirmation or phone change.',
      'unknown-key': `${notOurs} ${startAgain}`,
      forged: `${notOurs} ${startAgain}`,
      'wrong-claims': `${notOurs} ${startAgain}`,
      expired: `The challenge has expired. ${startAgain}`,
      used:
        'The challenge was completed with its code, or a change of the account ended it. ' +
        startAgain,
      replaced: `A newer challenge has replaced this one. ${startAgain}`,
      'out-of-attempts': `All attempts of the challenge are used. ${startAgain}`
    }
  },
  'invalid-token': {
    status: 401,
    title: 'Missing or invalid access token or API key',
    meaning:
      'The access token is missing, expired or forged, or its session has ended. ' +
      'For the admin API: the API key is missing or not in `API_KEY_HASHES`.',
    remedy:
      'Send `Authorization: Bearer <access token>` with a token from `POST /refresh`, ' +
      'or log in again. For the admin API, send an API key.',
    cases: {
      missing:
        'The request has no access token. Send it as `Authorization: Bearer <access token>`.',
      malformed: 'The `Authorization` header is not `Bearer` followed by a JWT. ' + sendAccessToken,
      'wrong-kind': `The token is of another kind than an access token. ${sendAccessToken}`,
      'unknown-key': `${notOurs} ${sendAccessToken}`,
      forged: `${notOurs} ${sendAccessToken}`,
      'wrong-claims': `${notOurs} ${sendAccessToken}`,
      expired: 'The access token has expired. Get another one with `POST /refresh`.',
      'session-ended': 'The session of the access token has ended. Log in again.',
      'api-key-missing':
        'The request has no API key. Send it as `Authorization: Bearer <API key>`.',
      'api-key-malformed': 'The `Authorization` header is not `Bearer` followed by an API key.',
      'api-key-unknown': 'The hash of the API key is not in `API_KEY_HASHES`.'
    }
  },
  'session-ended': {
    status: 401,
    title: 'The session has ended',
    meaning:
      'The session expired, was ended, or was revoked after a used refresh token was sent again.',
    remedy: 'Discard both tokens and start again with `POST /login`.'
  },
  'reauthentication-required': {
    status: 401,
    title: 'A more recent login is required',
    meaning: 'The user logged in more than `maxAge` seconds ago.',
    remedy:
      'Log the user in again and repeat the request with the new access token. ' +
      'Refreshing the tokens does not help.'
  },
  'invalid-signature': {
    status: 403,
    title: 'Invalid signature',
    meaning: 'The status callback is not signed by Twilio for this URL. Nothing was changed.',
    remedy: 'Only Twilio sends status callbacks. The operator should check `PUBLIC_URL`.'
  },
  'not-found': {
    status: 404,
    title: 'Not found',
    meaning: 'The path does not exist, or this user has no such resource.',
    remedy: 'Correct the path. A session that is not found has ended.'
  },
  'unknown-action': {
    status: 404,
    title: 'Unknown action',
    meaning: 'The operator has configured no template for this action.',
    remedy: 'Use an action listed in `CONFIRMATION_TEMPLATES`.'
  },
  'method-not-allowed': {
    status: 405,
    title: 'Method not allowed',
    meaning: 'The path exists but does not support this method.',
    remedy: 'Use one of the methods in the `Allow` header.'
  },
  'request-timeout': {
    status: 408,
    title: 'Request timeout',
    meaning: 'The complete request did not arrive within ten seconds.',
    remedy: 'Send it again.'
  },
  'username-taken': {
    status: 409,
    title: 'The username is taken',
    meaning: 'Another user has this username, or one that differs only in case or width.',
    remedy: 'Choose another username.'
  },
  'payload-too-large': {
    status: 413,
    title: 'The request body is too large',
    meaning: 'Request bodies are limited to 16 KiB.',
    remedy: 'Send a smaller body.'
  },
  'unsupported-media-type': {
    status: 415,
    title: 'Unsupported media type',
    meaning: 'The `Content-Type` of the request is not JSON.',
    remedy: 'Send JSON with `Content-Type: application/json`.'
  },
  'sms-undeliverable': {
    status: 422,
    title: 'Messages to this number cannot be delivered',
    meaning: "The user's number cannot receive messages, or its country is not allowed.",
    remedy: 'Do not retry. The user has to contact the operator.'
  },
  'resend-too-soon': {
    status: 429,
    title: 'Too soon for another code',
    meaning: 'The cooldown after the previous message has not passed yet.',
    remedy: 'Wait for `Retry-After` seconds.'
  },
  'too-many-attempts': {
    status: 429,
    title: 'Too many attempts',
    meaning:
      'There were too many `requests`, `passwords` or `codes`, as `reason` says. ' +
      'With `codes-off`, so many codes were wrong that waiting does not help.',
    remedy:
      'Wait for `Retry-After` seconds. After `codes-off`, the operator has to unlock the account.',
    cases: {
      requests: 'There were too many requests. Wait for {retryAfter} seconds.',
      passwords: 'Too many passwords were tried. Wait for {retryAfter} seconds.',
      codes:
        'Too many wrong codes in a row have locked the account. ' +
        'Wait for {retryAfter} seconds.',
      'codes-off':
        'So many codes in a row were wrong that the account stays locked until the operator ' +
        'unlocks it.'
    }
  },
  'too-many-texts': {
    status: 429,
    title: 'Too many messages',
    meaning: 'A message limit is reached, so no message was sent.',
    remedy: 'Wait for `Retry-After` seconds.'
  },
  'headers-too-large': {
    status: 431,
    title: 'The request headers are too large',
    meaning: 'The request headers exceed the size limit.',
    remedy: 'Send fewer or shorter headers.'
  },
  'internal-error': {
    status: 500,
    title: 'Internal server error',
    meaning: 'The service failed to process the request.',
    remedy: 'Try again later. The operator can find the error in the log by `instance`.'
  },
  busy: {
    status: 503,
    title: 'The service is overloaded',
    meaning: 'Too many requests are waiting for a password hash or a database connection.',
    remedy: 'Try again after `Retry-After` seconds.',
    retryAfter: 1
  },
  'sms-unavailable': {
    status: 503,
    title: 'The message could not be sent',
    meaning:
      'The SMS provider did not confirm the message. If it still arrives, its code does not work.',
    remedy: 'Try again after `Retry-After` seconds.',
    retryAfter: 1
  },
  'database-unavailable': {
    status: 503,
    title: 'The database is unavailable',
    meaning:
      'The database is unavailable. The request may have been processed, but its result was lost.',
    remedy: 'Try again after `Retry-After` seconds.',
    retryAfter: 5
  },
  'not-ready': {
    status: 503,
    title: 'Service not ready',
    meaning:
      'Only from `/readyz`: the database does not respond, lacks migrations or is read-only.',
    remedy: 'Send requests to another instance.',
    retryAfter: 1
  }
}

import type { RefusalSlug } from '../domain/refusal.ts'

/**
 * What a problem of one kind always says. `meaning` and `remedy`, what the caller should do next, are together the `detail`
 * on the wire, and the entry at its `type`, in /docs and in the README.
 */
export type ProblemKind = { status: number, title: string, meaning: string, remedy: string, retryAfter?: number }

/** The kinds that HTTP itself brings along, besides the refusals. */
export type TransportSlug = 'method-not-allowed' | 'payload-too-large' | 'unsupported-media-type' | 'request-timeout' | 'headers-too-large' | 'internal-error'

/** The names of all problems there are. */
export type ProblemSlug = RefusalSlug | TransportSlug

/** Every "no" there is, and the only place that knows its status. A new slug doesn't compile until it has its row. */
export const problemKinds: Record<ProblemSlug, ProblemKind> = {
  'invalid-request': {
    status: 400,
    title: 'The request is not what this endpoint takes',
    meaning: 'A field is missing, unknown or not of its form, or the body is not JSON; nothing was changed.',
    remedy: 'Correct what `errors` names, where it is there, and send it again.'
  },
  'invalid-credentials': {
    status: 401,
    title: 'Wrong username or password',
    meaning: 'These are not the username and password of anybody who may log in; which of them is wrong is not told.',
    remedy: 'Ask for both again.'
  },
  'wrong-code': {
    status: 401,
    title: 'Wrong code',
    meaning: 'These are not the digits of the newest text.',
    remedy: 'Ask for the code again, `attemptsRemaining` times.'
  },
  'code-expired': {
    status: 401,
    title: 'The code has expired',
    meaning: 'The code came too late, whatever its digits were.',
    remedy: 'Have another one texted, with `POST /resend` or `POST /confirmations/resend`.'
  },
  'challenge-ended': {
    status: 401,
    title: 'This is over',
    meaning: 'This login or confirmation was finished, replaced or given up, or its time is up.',
    remedy: 'Start again, with `POST /login` or `POST /confirmations`.'
  },
  'invalid-token': {
    status: 401,
    title: 'No valid access token',
    meaning: 'There is no access token, or one that is expired, forged or of a session that has ended.',
    remedy: 'Send `Authorization: Bearer <access token>` with one from `POST /refresh`, or log in again.'
  },
  'session-ended': {
    status: 401,
    title: 'This session is over',
    meaning: 'The session\'s time is up, somebody ended it, or a used refresh token came back.',
    remedy: 'Forget both tokens and start again with `POST /login`.'
  },
  'reauthentication-required': {
    status: 401,
    title: 'This needs a recent login',
    meaning: 'The login is more than `maxAge` seconds ago.',
    remedy: 'Log the person in again with `POST /login` and `POST /verify`, and ask with the new access token; a refresh does not help.'
  },
  'not-found': {
    status: 404,
    title: 'Nothing here',
    meaning: 'There is no such path, or nothing of this person\'s at it.',
    remedy: 'Correct the path; a session that is not found is over.'
  },
  'unknown-action': {
    status: 404,
    title: 'No such action',
    meaning: 'The operator has no sentence for this action.',
    remedy: 'Ask for one that `CONFIRMATION_TEMPLATES` has.'
  },
  'method-not-allowed': {
    status: 405,
    title: 'Not with this method',
    meaning: 'The path is right, the method is not.',
    remedy: 'Use one of those that the header `Allow` lists.'
  },
  'request-timeout': {
    status: 408,
    title: 'The request came too slowly',
    meaning: 'The request did not arrive whole within ten seconds.',
    remedy: 'Send it again.'
  },
  'payload-too-large': {
    status: 413,
    title: 'The request body is too large',
    meaning: 'At most 16 KiB are read.',
    remedy: 'Send less.'
  },
  'unsupported-media-type': {
    status: 415,
    title: 'Only JSON is read',
    meaning: 'The body does not say that it is JSON.',
    remedy: 'Send it with `Content-Type: application/json`.'
  },
  'sms-undeliverable': {
    status: 422,
    title: 'This number can\'t be texted',
    meaning: 'The number on file can\'t receive our texts.',
    remedy: 'Don\'t ask again; its owner needs the operator.'
  },
  'resend-too-soon': {
    status: 429,
    title: 'Too soon for another code',
    meaning: 'A text went out a moment ago.',
    remedy: 'Wait for `Retry-After` seconds.'
  },
  'too-many-attempts': {
    status: 429,
    title: 'Too many attempts',
    meaning: 'There were too many of what `reason` says: `requests`, `passwords` or `codes`, or, with `codes-off`, so many wrong codes that waiting is of no use.',
    remedy: 'Wait for `Retry-After` seconds; after `codes-off` the operator has to unlock the account.'
  },
  'too-many-texts': {
    status: 429,
    title: 'Too many texts',
    meaning: 'A limit on texts is reached, and none was sent.',
    remedy: 'Wait for `Retry-After` seconds.'
  },
  'headers-too-large': {
    status: 431,
    title: 'The request headers are too large',
    meaning: 'More headers came than are read.',
    remedy: 'Send fewer or shorter ones.'
  },
  'internal-error': {
    status: 500,
    title: 'Something went wrong here',
    meaning: 'Something failed that is not the fault of your request.',
    remedy: 'Try again later; `instance` helps the operator to find it in the log.'
  },
  busy: {
    status: 503,
    title: 'Too many logins at once',
    meaning: 'More passwords wait to be checked than will be soon.',
    remedy: 'Try again after `Retry-After` seconds.',
    retryAfter: 1
  },
  'sms-unavailable': {
    status: 503,
    title: 'The text could not be sent',
    meaning: 'The text could not be handed over; should it still arrive, its code is no longer good.',
    remedy: 'Try again after `Retry-After` seconds.',
    retryAfter: 1
  },
  'database-unavailable': {
    status: 503,
    title: 'The database is out of use',
    meaning: 'The database is out of use. What was asked for may have been done, but its answer was lost.',
    remedy: 'Try again after `Retry-After` seconds.',
    retryAfter: 5
  },
  'not-ready': {
    status: 503,
    title: 'Not ready',
    meaning: '`/readyz` alone: the database does not answer, lacks migrations or is read-only.',
    remedy: 'Send requests to another instance.',
    retryAfter: 1
  }
}

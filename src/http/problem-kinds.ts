import type { RefusalSlug } from '../domain/refusal.ts'

/** What a problem of one kind always says. `detail` tells a developer what to do next. */
export type ProblemKind = { status: number, title: string, detail: string, retryAfter?: number }

/** The kinds that HTTP itself brings along, besides the refusals. */
export type TransportSlug = 'method-not-allowed' | 'payload-too-large' | 'unsupported-media-type' | 'request-timeout' | 'headers-too-large' | 'internal-error'

/** The names of all problems there are. */
export type ProblemSlug = RefusalSlug | TransportSlug

/** Every "no" there is, and the only place that knows its status. A new slug doesn't compile until it has its row. */
export const problemKinds: Record<ProblemSlug, ProblemKind> = {
  'invalid-request': { status: 400, title: 'The request is not what this endpoint takes', detail: 'Correct what `errors` names and send it again; nothing was changed.' },
  'invalid-credentials': { status: 401, title: 'Wrong username or password', detail: 'Ask for both again. Which of them was wrong is not told.' },
  'wrong-code': { status: 401, title: 'Wrong code', detail: 'Ask for the code again; `attemptsRemaining` says how often.' },
  'code-expired': { status: 401, title: 'The code has expired', detail: 'Ask for a new one with POST /resend.' },
  'challenge-ended': { status: 401, title: 'This login is over', detail: 'It was finished, replaced or given up, or its time is up. Start again with POST /login.' },
  'invalid-token': { status: 401, title: 'No valid access token', detail: 'Send `Authorization: Bearer <access token>` with a token that has not expired; get one with POST /refresh, or log in again.' },
  'session-ended': { status: 401, title: 'This session is over', detail: 'Its time is up, somebody ended it, or an old refresh token was used. Start again with POST /login.' },
  'reauthentication-required': { status: 401, title: 'This needs a recent login', detail: 'Log the person in again with POST /login and POST /verify, and ask with the new access token. A refresh does not help.' },
  'not-found': { status: 404, title: 'Nothing here', detail: 'There is no such path, or nothing of yours at it.' },
  'unknown-action': { status: 404, title: 'No such action', detail: 'The operator has no sentence for this action: see CONFIRMATION_TEMPLATES.' },
  'method-not-allowed': { status: 405, title: 'Not with this method', detail: 'Use one of those that the header `Allow` lists.' },
  'request-timeout': { status: 408, title: 'The request came too slowly', detail: 'Send it again.' },
  'payload-too-large': { status: 413, title: 'The request body is too large', detail: 'At most 16 KiB are read.' },
  'unsupported-media-type': { status: 415, title: 'Only JSON is read', detail: 'Send the body with `Content-Type: application/json`.' },
  'sms-undeliverable': { status: 422, title: 'This number can\'t be texted', detail: 'The number on file can\'t receive our texts. Asking again won\'t help; its owner needs the operator.' },
  'resend-too-soon': { status: 429, title: 'Too soon for another code', detail: 'Wait for `Retry-After` seconds.' },
  'too-many-attempts': { status: 429, title: 'Too many attempts', detail: 'Wait for `Retry-After` seconds; `reason` says of what there were too many. For `codes-off` waiting is of no use: the operator has to unlock the account.' },
  'too-many-texts': { status: 429, title: 'Too many texts', detail: 'No text was sent. Wait for `Retry-After` seconds.' },
  'headers-too-large': { status: 431, title: 'The request headers are too large', detail: 'Send fewer or shorter headers.' },
  'internal-error': { status: 500, title: 'Something went wrong here', detail: 'It is not your request. Try again later; `instance` helps the operator to find it.' },
  busy: { status: 503, title: 'Too many logins at once', detail: 'Try again after `Retry-After` seconds.', retryAfter: 1 },
  'sms-unavailable': { status: 503, title: 'The text could not be sent', detail: 'Try again. If a text still arrives, its code is no longer good.', retryAfter: 1 },
  'database-unavailable': { status: 503, title: 'The database is out of use', detail: 'Try again after `Retry-After` seconds. What was asked for may have been done, but its answer was lost.', retryAfter: 5 },
  'not-ready': { status: 503, title: 'Not ready', detail: 'The database does not answer, lacks migrations, or is read-only.', retryAfter: 1 }
}

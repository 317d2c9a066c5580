/** @typedef {import('./call-service.js').Problem} Problem */

/** @param {Problem} problem */
function wrongCode ({ attemptsRemaining: left = 0 }) {
  const tries = left === 0 ? 'That was the last try: please start again.' : left === 1 ? 'You can try once more.' : `You can try ${left} more times.`
  return `These are not the digits of the newest text. ${tries}`
}

/** @param {Problem} problem */
const tooManyAttempts = ({ reason }) => ({
  requests: 'That was too much at once from your network. Please wait a moment.',
  passwords: 'Too many wrong passwords. Please wait before you try again.',
  codes: 'Too many wrong codes: your account is locked for a while, to keep out whoever may be guessing.',
  'codes-off': 'So many wrong codes were typed that codes are switched off for your account. Please ask whoever runs this service to unlock it.'
})[reason ?? 'requests']

/** @param {Problem} problem */
const invalidRequest = ({ errors = [] }) => errors.length === 0
  ? 'Something here can\'t be used. Please check what you typed.'
  : `Please check: ${errors.map(({ pointer, detail }) => `${pointer.split('/').at(-1)} ${detail}`).join('; ')}.`

/**
 * What a person is told, for each problem by its stable name. The service's own `detail` is for developers.
 * @type {Record<string, string | ((problem: Problem) => string)>}
 */
export const problemTexts = {
  'invalid-request': invalidRequest,
  'invalid-credentials': 'Wrong username or password.',
  'wrong-code': wrongCode,
  'code-expired': 'This code is too old. Please have a new one sent.',
  'challenge-ended': 'That took too long, or was started again elsewhere. Please start again.',
  'invalid-token': 'You are no longer logged in. Please log in again.',
  'session-ended': 'Your session is over. Please log in again.',
  'reauthentication-required': 'For this you must have logged in a short time ago. Please log in again.',
  'not-found': 'This is no longer there.',
  'unknown-action': 'This service has no transfers to confirm.',
  'method-not-allowed': 'This page and the service don\'t fit together. Please reload the page.',
  'request-timeout': 'The connection is too slow. Please try again.',
  'payload-too-large': 'This is too long.',
  'unsupported-media-type': 'This page and the service don\'t fit together. Please reload the page.',
  'sms-undeliverable': 'Your number can\'t receive our texts. Please ask whoever runs this service.',
  'resend-too-soon': 'A text was sent a moment ago. Please give it some time to arrive.',
  'too-many-attempts': tooManyAttempts,
  'too-many-texts': 'Too many texts were sent. No more go out for now.',
  'headers-too-large': 'Your browser sends too much. Clearing the cookies of this site may help.',
  'internal-error': 'Something went wrong, and it is not your fault. Please try again later.',
  busy: 'Many people are logging in right now. Please try again in a moment.',
  'sms-unavailable': 'The text could not be sent. Please try again; a code that still arrives is no longer good.',
  'database-unavailable': 'The service is out of order for the moment. Please try again soon.',
  'not-ready': 'The service is about to start. Please try again soon.',
  unreachable: 'The service can\'t be reached. Are you connected?'
}

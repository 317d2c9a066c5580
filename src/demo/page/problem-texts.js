/**
 * The sentence for the user, for each problem by its slug. The service's own `detail` is for
 * developers. examples/error-messages.json has the same sentences for other clients.
 */
export const problemTexts = {
  'invalid-request': 'Something you entered is invalid. Please check it.',
  'invalid-credentials': 'Wrong username or password.',
  'wrong-code': "That isn't the code from the newest message.",
  'code-expired': 'This code has expired. Please request a new one.',
  'challenge-ended': 'This has expired or was started again elsewhere. Please start again.',
  'invalid-token': 'You are no longer logged in. Please log in again.',
  'session-ended': 'Your session has ended. Please log in again.',
  'reauthentication-required': 'This requires a recent login. Please log in again.',
  'invalid-signature': 'This app and the service do not match. Please reload or update the app.',
  'not-found': 'It no longer exists.',
  'username-taken': 'This username is already taken. Please choose another one.',
  'unknown-action': "This service can't confirm that action.",
  'method-not-allowed': 'This app and the service do not match. Please reload or update the app.',
  'request-timeout': 'The connection is too slow. Please try again.',
  'payload-too-large': 'The text you entered is too long.',
  'unsupported-media-type':
    'This app and the service do not match. Please reload or update the app.',
  'sms-undeliverable': "Your phone number can't receive our messages. Please contact support.",
  'resend-too-soon': 'A message was sent a moment ago. Please wait for it to arrive.',
  'too-many-attempts': 'Too many attempts. Please wait before you try again.',
  'too-many-texts': 'Too many messages have been sent. Please wait before you request another one.',
  'headers-too-large': "Your browser sends too much data. Clearing this site's cookies may help.",
  'internal-error': 'Something went wrong on our side. Please try again later.',
  busy: 'Many users are logging in right now. Please try again in a moment.',
  'sms-unavailable':
    "The message could not be sent. Please try again. If it still arrives, its code won't work.",
  'database-unavailable': 'The service is temporarily unavailable. Please try again soon.',
  'not-ready': 'The service is starting. Please try again soon.',
  /** No response from the service. */
  unreachable: "The service can't be reached. Please check your connection.",
  /** A problem that is not in this list. */
  unknown: 'Something went wrong. Please try again later.'
}

/** Sentences for users who change their password or number, by slug. */
export const accountTexts = {
  'invalid-credentials': 'This is not your current password.',
  'sms-undeliverable': "This number can't receive our messages. Please enter another one."
}

/**
 * More specific sentences for `wrong-code`: by `attemptsRemaining`, and for a problem with
 * `retryAfter`, because this code has locked the account.
 */
export const wrongCodeTexts = {
  locked:
    "That isn't the code from the newest message. It was your last attempt. " +
    'No codes are accepted for a while.',
  1: "That isn't the code from the newest message. You can try once more.",
  0: "That isn't the code from the newest message. It was your last attempt. Please start again."
}

/** More specific sentences for `too-many-attempts`, by `reason`. */
export const attemptTexts = {
  requests: 'Too many requests from your network. Please wait a moment.',
  passwords: 'Too many wrong passwords. Please wait before you try again.',
  codes: 'Too many wrong codes. For your security, no codes are accepted for a while.',
  'codes-off': 'Too many wrong codes. No more codes are accepted. Please contact support.'
}

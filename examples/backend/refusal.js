/** An error that `responseTo` turns into a response with this status and these headers. */
export const refusal = (statusCode, message, { headers = {}, cause } = {}) =>
  Object.assign(new Error(message, { cause }), { statusCode, headers })

/** RFC 6750 §3: the challenge to a request without a token has no error. */
export const missingToken = () =>
  refusal(401, 'Send an access token.', { headers: { 'www-authenticate': 'Bearer' } })

export const invalidToken = () =>
  refusal(401, 'The access token is not valid.', {
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' }
  })

/** sms-login can't be used. Only the log has the reason. */
export const unavailable = (reason, cause) =>
  refusal(503, reason, { headers: { 'retry-after': '5' }, cause })

/** The response to a request that failed. It says nothing about the cause of a 5xx. */
export function responseTo({ statusCode = 500, headers = {}, message }) {
  return { statusCode, headers, body: { error: statusCode < 500 ? message : 'Try again later.' } }
}

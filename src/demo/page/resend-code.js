import { callService } from './call-service.js'

/** @typedef {import('./call-service.js').Schemas['Challenge']} Challenge */

/**
 * Sends a new code for a login or a change of number. `challenge` keeps the newest token.
 * @param {Pick<Challenge, 'challengeToken'>} challenge
 */
export async function resendCode(challenge) {
  const { challengeToken } = challenge
  /** @type {import('./call-service.js').Result<Challenge>} */
  const { data, problem } = await callService('POST', '/resend', { body: { challengeToken } })
  challenge.challengeToken = data?.challengeToken ?? challengeToken
  return { data, problem }
}

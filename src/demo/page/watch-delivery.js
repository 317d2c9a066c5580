import { callService } from './call-service.js'

/** @typedef {import('./call-service.js').Schemas['ChallengeStatus']} Status */

const everyMs = 3000

/**
 * Asks every few seconds whether the message has arrived, until that is known. Calls `onFailed` if
 * it has not. Returns a function that stops asking.
 * @param {() => string} token that of the login, confirmation or change of number
 * @param {(status: Status) => void} onFailed
 */
export function watchDelivery(token, onFailed) {
  let stopped = false
  let timer = setTimeout(ask, everyMs)
  async function ask() {
    /** @type {import('./call-service.js').Result<Status>} */
    const { data } = await callService('POST', '/challenge', { body: { challengeToken: token() } })
    if (stopped || data === undefined) return
    if (data.delivery === 'failed') onFailed(data)
    if (data.delivery === 'queued' || data.delivery === 'sent') timer = setTimeout(ask, everyMs)
  }
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}

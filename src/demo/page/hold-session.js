import { callService, slugOf } from './call-service.js'

/** @typedef {import('./call-service.js').Problem} Problem */
/** @typedef {import('./call-service.js').Schemas['Tokens']} Tokens */

/**
 * @typedef {object} Listeners
 * @property {(expiresIn: number) => void} onTokens
 * @property {(problem: Problem) => void} onOver
 * @property {(problem?: Problem) => void} onOldLogin when a request requires a more recent login
 */

/**
 * Holds the tokens of one session and adds the access token to requests. The tokens are kept in
 * memory only, so a reload requires a new login. localStorage outlives the page, and any script on
 * this origin, even an injected one, could read the tokens from it and take over the session.
 * @param {Listeners} listeners
 */
export function holdSession({ onTokens, onOver, onOldLogin }) {
  /** @type {Tokens | undefined} */
  let tokens
  /** @type {Promise<Problem | undefined> | undefined} */
  let refreshing
  /** @type {number | undefined} */
  let timer

  /** @param {Tokens} next */
  function take(next) {
    tokens = next
    refreshIn(next.expiresIn * 0.9)
    onTokens(next.expiresIn)
  }

  /** @param {number} seconds */
  function refreshIn(seconds) {
    clearTimeout(timer)
    timer = setTimeout(refresh, seconds * 1000)
  }

  function forget() {
    clearTimeout(timer)
    tokens = undefined
  }

  // Refresh tokens are single-use, so concurrent callers share one refresh.
  const refresh = () =>
    (refreshing ??= refreshNow().finally(() => {
      refreshing = undefined
    }))
  async function refreshNow() {
    if (tokens === undefined) return
    /** @type {import('./call-service.js').Result<Tokens>} */
    const { data, problem } = await callService('POST', '/refresh', {
      body: { refreshToken: tokens.refreshToken }
    })
    if (data !== undefined) take(data)
    else if (problem !== undefined && slugOf(problem) === 'session-ended') {
      forget()
      onOver(problem)
    } else refreshIn(problem?.retryAfter ?? 5) // After an outage, the token is still valid.
    return problem
  }

  return {
    begin: take,
    /** Resolves to the problem, if any. */
    refresh,
    /**
     * Calls the service as this user. Retries once with a new token when the current one is
     * rejected.
     * @template T
     * @param {'GET' | 'POST' | 'PATCH' | 'DELETE'} method
     * @param {string} path
     * @param {object} [body]
     * @returns {Promise<import('./call-service.js').Result<T>>}
     */
    async call(method, path, body) {
      const used = tokens
      /** @returns {Promise<import('./call-service.js').Result<T>>} */
      const send = () => callService(method, path, { body, accessToken: tokens?.accessToken ?? '' })
      let response = await send()
      if (slugOf(response.problem) === 'invalid-token') {
        // Another call may have refreshed the tokens in the meantime.
        const problem = tokens === used ? await refresh() : undefined
        response = problem === undefined ? await send() : { problem }
      }
      if (slugOf(response.problem) === 'reauthentication-required') onOldLogin(response.problem)
      return response
    },
    /** Ends the session: at once on this page, and on the service when it can be reached. */
    async end() {
      await refreshing
      const last = tokens?.refreshToken
      forget()
      if (last !== undefined) await callService('POST', '/logout', { body: { refreshToken: last } })
    }
  }
}

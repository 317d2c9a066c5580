import { callService, slugOf } from './call-service.js'

/** @typedef {import('./call-service.js').Problem} Problem */
/** @typedef {import('./call-service.js').Schemas['Tokens']} Tokens */

/**
 * Holds the tokens of one session and sends the access token along. They are in memory alone, so that a reload needs a new
 * login. What is in localStorage outlives the page, and every script that ever runs on this origin, an injected one too,
 * can read it there and take the session elsewhere.
 * @param {{ onTokens: (expiresIn: number) => void, onOver: (problem: Problem) => void }} listeners
 */
export function holdSession ({ onTokens, onOver }) {
  /** @type {Tokens | undefined} */
  let tokens
  /** @type {Promise<Problem | undefined> | undefined} */
  let refreshing
  /** @type {number | undefined} */
  let timer

  /** @param {Tokens} next */
  function take (next) {
    tokens = next
    refreshIn(next.expiresIn * 0.9)
    onTokens(next.expiresIn)
  }

  /** @param {number} seconds */
  function refreshIn (seconds) {
    clearTimeout(timer)
    timer = setTimeout(refresh, seconds * 1000)
  }

  function forget () {
    clearTimeout(timer)
    tokens = undefined
  }

  // One at a time: a refresh token is good once, so whoever else needs a refresh waits for this one.
  const refresh = () => (refreshing ??= refreshNow().finally(() => { refreshing = undefined }))
  async function refreshNow () {
    if (tokens === undefined) return
    /** @type {import('./call-service.js').Answer<Tokens>} */
    const { data, problem } = await callService('POST', '/refresh', { body: { refreshToken: tokens.refreshToken } })
    if (data !== undefined) take(data)
    else if (problem !== undefined && slugOf(problem) === 'session-ended') {
      forget()
      onOver(problem)
    } else refreshIn(problem?.retryAfter ?? 5) // An outage: the token is as good as before.
    return problem
  }

  return {
    begin: take,
    /** Resolves to the problem, if there is one. */
    refresh,
    /**
     * Asks the service as this person, once more with a new token where the one at hand is refused.
     * @template T
     * @param {'GET' | 'POST' | 'DELETE'} method
     * @param {string} path
     * @param {object} [body]
     * @returns {Promise<import('./call-service.js').Answer<T>>}
     */
    async call (method, path, body) {
      const used = tokens
      /** @returns {Promise<import('./call-service.js').Answer<T>>} */
      const ask = () => callService(method, path, { body, accessToken: tokens?.accessToken ?? '' })
      const answer = await ask()
      if (slugOf(answer.problem) !== 'invalid-token') return answer
      const problem = tokens === used ? await refresh() : undefined // Unless it was done meanwhile.
      return problem === undefined ? ask() : { problem }
    },
    /** Ends the session, here at once and there when the service can be reached. */
    async end () {
      await refreshing
      const last = tokens?.refreshToken
      forget()
      if (last !== undefined) await callService('POST', '/logout', { body: { refreshToken: last } })
    }
  }
}

/** @typedef {import('../../examples/openapi.d.ts').components['schemas']} Schemas */
/** @typedef {Schemas['Problem']} Problem */
/**
 * One of the two.
 * @template T
 * @typedef {{ data?: T | undefined, problem?: Problem | undefined }} Answer
 */

/**
 * Asks the service. Resolves to what it answers or to the problem, and never rejects.
 * @template T
 * @param {'GET' | 'POST' | 'DELETE'} method
 * @param {string} path
 * @param {{ body?: object | undefined, accessToken?: string }} [more]
 * @returns {Promise<Answer<T>>}
 */
export async function callService (method, path, { body, accessToken } = {}) {
  try {
    const answer = await fetch(path, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(accessToken !== undefined && { authorization: `Bearer ${accessToken}` })
      },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
    const told = answer.status === 204 ? undefined : await answer.json()
    return answer.ok ? { data: told } : { problem: told }
  } catch {
    // No network, or an answer of something in between: neither is a word of the service's.
    return { problem: { type: '/problems/unreachable', title: '', status: 0, detail: '', instance: '' } }
  }
}

/**
 * The stable name of a problem.
 * @param {Problem | undefined} problem
 */
export const slugOf = problem => problem?.type?.split('/').at(-1)

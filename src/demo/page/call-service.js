/** @typedef {import('../../../examples/openapi.d.ts').components['schemas']} Schemas */
/** @typedef {Schemas['Problem']} Problem */
/**
 * The data or the problem of a response.
 * @template T
 * @typedef {{ data?: T | undefined, problem?: Problem | undefined }} Result
 */

/**
 * Calls the service. Resolves to the data or the problem, and never rejects.
 * @template T
 * @param {'GET' | 'POST' | 'PATCH' | 'DELETE'} method
 * @param {string} path
 * @param {{ body?: object | undefined, accessToken?: string }} [more]
 * @returns {Promise<Result<T>>}
 */
export async function callService(method, path, { body, accessToken } = {}) {
  try {
    const response = await fetch(path, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(accessToken !== undefined && { authorization: `Bearer ${accessToken}` })
      },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
    const content = response.status === 204 ? undefined : await response.json()
    return response.ok ? { data: content } : { problem: content }
  } catch {
    // There is no network, or a proxy responded instead of the service.
    return {
      problem: { type: '/problems/unreachable', title: '', status: 0, detail: '', instance: '' }
    }
  }
}

/**
 * The slug of a problem, which is stable.
 * @param {Problem | undefined} problem
 */
export const slugOf = problem => problem?.type?.split('/').at(-1)

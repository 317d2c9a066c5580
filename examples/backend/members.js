import { refusal, unavailable } from './refusal.js'

/** Adds members over the admin API of sms-login. */
export function createMembers({ adminUrl, apiKey }) {
  return {
    /** Resolves to the member's id, which is `sub` in their access tokens. */
    async add(form) {
      // Field by field: a caller who could add `claims` would give out roles.
      const { username, password, phone } = form ?? {}
      const response = await fetch(new URL('/users', adminUrl), {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ username, password, phone, claims: { roles: ['member'] } }),
        signal: AbortSignal.timeout(10_000)
      }).catch(error => {
        throw unavailable('The admin API cannot be reached.', error)
      })
      if (response.status === 201) return (await response.json()).id
      if (response.status === 400) throw refusal(400, describe(await response.json()))
      if (response.status === 409) throw refusal(409, 'This username is taken.')
      // An API key that is refused (401) is a fault of this backend, not of the caller.
      throw unavailable(`POST /users is ${response.status}.`)
    }
  }
}

/** Example: `password: must have at least 8 characters`. The details contain no value. */
const describe = ({ errors = [] }) =>
  errors.map(({ pointer, detail }) => `${pointer.replace('#/', '')}: ${detail}`).join('; ')

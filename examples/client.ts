import createClient from 'openapi-fetch'
import type { components, paths } from './openapi.d.ts'

type Tokens = components['schemas']['Tokens']

/** Logs a person in and stays logged in. `keep` stores the newest refresh token where no other app can read it, or nothing once the session is over. */
export function smsLogin (baseUrl: string, keep: (refreshToken: string | undefined) => Promise<void>) {
  const open = createClient<paths>({ baseUrl })
  let tokens: Tokens & { staleAt: number } | undefined
  let refreshing: Promise<void> | undefined

  async function take (next: Tokens | undefined) {
    await keep(next?.refreshToken) // First: the one before is used up, and this one would be lost with a crash.
    tokens = next && { ...next, staleAt: Date.now() + next.expiresIn * 900 }
  }

  // One at a time: a refresh token is good once, so whoever else needs a refresh waits for this one.
  const refresh = (refreshToken: string) => (refreshing ??= refreshNow(refreshToken).finally(() => { refreshing = undefined }))
  async function refreshNow (refreshToken: string) {
    const { data, error } = await open.POST('/refresh', { body: { refreshToken } })
    if (data !== undefined || error.type.endsWith('/session-ended')) await take(data) // After an outage the token is as good as before.
  }

  async function fetchWithToken (request: Request): Promise<Response> {
    if (tokens !== undefined && Date.now() > tokens.staleAt) await refresh(tokens.refreshToken)
    const sent = tokens
    const answer = await fetch(bearing(request.clone(), sent))
    if (sent === undefined || answer.status !== 401 || !/"type":"[^"]*\/invalid-token"/.test(await answer.clone().text())) return answer
    if (tokens?.accessToken === sent.accessToken) await refresh(sent.refreshToken) // Unless it was done meanwhile.
    return tokens === undefined || tokens.accessToken === sent.accessToken ? answer : fetch(bearing(request, tokens))
  }
  const bearing = (request: Request, { accessToken }: Partial<Tokens> = {}) => {
    if (accessToken !== undefined) request.headers.set('authorization', `Bearer ${accessToken}`)
    return request
  }

  return {
    login: (username: string, password: string) => open.POST('/login', { body: { username, password } }),
    async verify (challengeToken: string, code: string) {
      const answer = await open.POST('/verify', { body: { challengeToken, code } })
      if (answer.data !== undefined) await take(answer.data)
      return answer
    },
    /** With the refresh token that was kept when the app ended. */
    resume: refresh,
    /** All other calls, with the access token, which is refreshed in time. */
    api: createClient<paths>({ baseUrl, fetch: fetchWithToken })
  }
}

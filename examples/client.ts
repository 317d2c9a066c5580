import createClient from 'openapi-fetch'
import type { components, paths } from './openapi.d.ts'

type Tokens = components['schemas']['Tokens']

/**
 * Logs a person in, and stays logged in: `api` sends the access token along and refreshes it in time. `keep` stores the
 * newest refresh token where no other app can read it, or nothing once the session is over.
 */
export function smsLogin (baseUrl: string, keep: (refreshToken: string | undefined) => Promise<void>) {
  let tokens: Tokens & { staleAt: number } | undefined
  let refreshing: Promise<void> | undefined

  async function take (next: Tokens) {
    await keep(next.refreshToken) // First: the one before is used up, and this one would be lost with a crash.
    tokens = { ...next, staleAt: Date.now() + next.expiresIn * 900 }
  }

  // One at a time: a refresh token is good once, so whoever else needs a refresh waits for this one.
  const refresh = (refreshToken: string) => (refreshing ??= refreshNow(refreshToken).finally(() => { refreshing = undefined }))
  async function refreshNow (refreshToken: string) {
    const { data, error } = await open.POST('/refresh', { body: { refreshToken } })
    if (data !== undefined) return take(data)
    if (!error.type.endsWith('/session-ended')) return // An outage: the token is as good as before.
    tokens = undefined
    await keep(undefined)
  }

  async function fetchWithToken (request: Request) {
    const again = request.clone()
    if (tokens !== undefined && Date.now() > tokens.staleAt) await refresh(tokens.refreshToken)
    const sent = tokens
    const answer = await fetch(bearing(request, sent))
    if (sent === undefined || !await isRefusedToken(answer)) return answer
    if (tokens?.accessToken === sent.accessToken) await refresh(sent.refreshToken) // Unless it was done meanwhile.
    return tokens === undefined || tokens.accessToken === sent.accessToken ? answer : fetch(bearing(again, tokens))
  }

  const open = createClient<paths>({ baseUrl })
  return {
    login: (username: string, password: string) => open.POST('/login', { body: { username, password } }),
    async verify (challengeToken: string, code: string) {
      const answer = await open.POST('/verify', { body: { challengeToken, code } })
      if (answer.data !== undefined) await take(answer.data)
      return answer
    },
    api: createClient<paths>({ baseUrl, fetch: fetchWithToken })
  }
}

function bearing (request: Request, tokens: Tokens | undefined) {
  if (tokens !== undefined) request.headers.set('authorization', `Bearer ${tokens.accessToken}`)
  return request
}

const isRefusedToken = async (answer: Response) => answer.status === 401 && /"type":"[^"]*\/invalid-token"/.test(await answer.clone().text())

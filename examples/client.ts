import createClient from 'openapi-fetch'
import { asciiDigits } from './ascii-digits.ts'
import type { components, paths } from './openapi.d.ts'

type Tokens = components['schemas']['Tokens']
export type Challenge = components['schemas']['Challenge']
export type Problem = components['schemas']['Problem']

/**
 * Logs a user in, keeps the session alive and manages the account. `store` persists the newest
 * refresh token where no other app can read it. It receives undefined once the session has ended.
 */
export function smsLogin(
  baseUrl: string,
  store: (refreshToken: string | undefined) => Promise<void>
) {
  const open = createClient<paths>({ baseUrl })
  let tokens: (Tokens & { staleAt: number }) | undefined
  let refreshing: Promise<void> | undefined

  async function setTokens(next: Tokens | undefined) {
    // Persist first: the previous token is used already, so a crash must not lose this one.
    await store(next?.refreshToken)
    tokens = next && { ...next, staleAt: Date.now() + next.expiresIn * 900 }
  }

  // One refresh at a time, because a refresh token is single-use. Other calls wait for it.
  const refresh = (refreshToken: string) =>
    (refreshing ??= refreshNow(refreshToken).finally(() => {
      refreshing = undefined
    }))
  async function refreshNow(refreshToken: string) {
    const { data, error } = await open.POST('/refresh', { body: { refreshToken } })
    // After any other error, such as an outage, the refresh token is still valid.
    if (data !== undefined || error.type.endsWith('/session-ended')) await setTokens(data)
  }

  async function fetchWithToken(request: Request): Promise<Response> {
    if (tokens !== undefined && Date.now() > tokens.staleAt) await refresh(tokens.refreshToken)
    const sent = tokens
    const response = await fetch(withToken(request.clone(), sent))
    if (
      sent === undefined ||
      response.status !== 401 ||
      !/"type":"[^"]*\/invalid-token"/.test(await response.clone().text())
    )
      return response
    // Another call may have refreshed the tokens meanwhile.
    if (tokens?.accessToken === sent.accessToken) await refresh(sent.refreshToken)
    return tokens === undefined || tokens.accessToken === sent.accessToken
      ? response
      : fetch(withToken(request, tokens))
  }
  const withToken = (request: Request, { accessToken }: Partial<Tokens> = {}) => {
    if (accessToken !== undefined) request.headers.set('authorization', `Bearer ${accessToken}`)
    return request
  }

  const api = createClient<paths>({ baseUrl, fetch: fetchWithToken })

  /** Forgets the tokens and resolves to the last refresh token. */
  async function forget() {
    await refreshing
    const last = tokens?.refreshToken
    // Clear before `store`, which may be slow, so that no other call refreshes this session.
    tokens = undefined
    await store(undefined)
    return last
  }

  return {
    /** Resolves to a `Challenge` in `data` or a `Problem` in `error`. */
    login: (username: string, password: string) =>
      open.POST('/login', { body: { username, password } }),
    async verify(challengeToken: string, code: string) {
      const result = await open.POST('/verify', {
        body: { challengeToken, code: asciiDigits(code) }
      })
      if (result.data !== undefined) await setTokens(result.data)
      return result
    },
    /** Sends a new code for a login or a change of number. The old code stops working. */
    resend: (challengeToken: string) => open.POST('/resend', { body: { challengeToken } }),
    /**
     * Says in `delivery` whether the message of a login or a change of number has arrived. Call it
     * every few seconds, and offer a resend when it is `failed`.
     */
    readChallenge: (challengeToken: string) =>
      open.POST('/challenge', { body: { challengeToken } }),
    /** Continues the session with the refresh token that `store` persisted. */
    resume: refresh,
    /**
     * Ends the session and forgets the tokens. If the service can't be reached, the session expires
     * after its idle time.
     */
    async logout() {
      const last = await forget()
      if (last === undefined) return undefined
      return open.POST('/logout', { body: { refreshToken: last } })
    },
    /** The user. `phone` is masked. */
    me: () => api.GET('/me'),
    /** Sets the language of messages, a BCP 47 tag. With null, `Accept-Language` decides. */
    setLocale: (locale: string | null) => api.PATCH('/me', { body: { locale } }),
    /** Ends all other sessions. */
    changePassword: (currentPassword: string, newPassword: string) =>
      api.POST('/me/password', { body: { currentPassword, newPassword } }),
    /** Sends a code to the new number and resolves to a `Challenge`. Requires a recent login. */
    requestPhoneChange: (phone: string) => api.POST('/me/phone', { body: { phone } }),
    /** Changes the number and ends all other sessions. */
    verifyPhoneChange: (challengeToken: string, code: string) =>
      api.POST('/me/phone/verify', { body: { challengeToken, code: asciiDigits(code) } }),
    /** Deletes the account and forgets the tokens. Requires a recent login. */
    async deleteAccount(password: string) {
      const result = await api.DELETE('/me', { body: { password } })
      if (result.error === undefined) await forget()
      return result
    },
    /** All other calls. Sends the access token and refreshes it in time. */
    api
  }
}

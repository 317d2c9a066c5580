import { Pool } from 'undici'
import { password, type BenchUser } from './users.ts'
import type { Phones } from './phones.ts'

/**
 * A response, with the milliseconds from the request to its last byte. Without a response the
 * status is 0 and the title is the reason.
 */
export type TimedResponse = { status: number; ms: number; body: Record<string, string> }

export type Client = ReturnType<typeof createClient>

/**
 * Calls the service as a reverse proxy does: over persistent connections, with the client's address
 * in X-Forwarded-For.
 */
export function createClient(url: string) {
  const pool = new Pool(url, { connections: 1024, headersTimeout: 20_000, bodyTimeout: 20_000 })
  const call = async (
    method: 'GET' | 'POST',
    path: string,
    headers: Record<string, string>,
    body?: object
  ): Promise<TimedResponse> => {
    const started = performance.now()
    const { status, json } = await pool
      .request({ method, path, headers, ...(body && { body: JSON.stringify(body) }) })
      .then(async response => ({ status: response.statusCode, json: await response.body.json() }))
      .catch(error => ({ status: 0, json: { title: error.message } }))
    // Problems and successful responses are objects.
    return { status, ms: performance.now() - started, body: json as TimedResponse['body'] }
  }
  const post = (path: string, { address }: BenchUser, body: object) =>
    call('POST', path, { 'content-type': 'application/json', 'x-forwarded-for': address }, body)

  return {
    login: (user: BenchUser) => post('/login', user, { username: user.username, password }),
    resend: (user: BenchUser, challengeToken = '') => post('/resend', user, { challengeToken }),
    verify: (user: BenchUser, challengeToken = '', code: string) =>
      post('/verify', user, { challengeToken, code }),
    refresh: (user: BenchUser, refreshToken = '') => post('/refresh', user, { refreshToken }),
    me: ({ address }: BenchUser, accessToken = '') =>
      call('GET', '/me', { authorization: `Bearer ${accessToken}`, 'x-forwarded-for': address }),
    get: (path: string) => call('GET', path, {}),
    close: () => pool.destroy()
  }
}

/** Both steps of a login. `verify` is undefined if the first step was refused. */
export type Flow = { login: TimedResponse; verify: TimedResponse | undefined }

/** Logs a user in with the code that was sent to their phone. */
export async function flow(client: Client, phones: Phones, user: BenchUser): Promise<Flow> {
  const login = await client.login(user)
  if (login.status !== 200) return { login, verify: undefined }
  return {
    login,
    verify: await client.verify(user, login.body['challengeToken'], phones.codeOf(user.phone))
  }
}

/** Throws unless the response is successful, because refusals would look fast. */
export function expectOk(response: TimedResponse | undefined): TimedResponse {
  if (response?.status !== 200)
    throw new Error(
      `expected 200, not ${response?.status ?? 'nothing'}: ` +
        `${response?.body['title']} ${response?.body['detail'] ?? ''}`
    )
  return response
}

import { Pool } from 'undici'
import { password, type Person } from './people.ts'
import type { Phones } from './phones.ts'

/** An answer, and the milliseconds from the request to its last byte. Status 0: none came, and the title says why. */
export type Answer = { status: number, ms: number, body: Record<string, string> }

export type Client = ReturnType<typeof clientOf>

/** The service as a reverse proxy speaks to it: over connections that stay open, naming the client's own address. */
export function clientOf (url: string) {
  const pool = new Pool(url, { connections: 1024, headersTimeout: 20_000, bodyTimeout: 20_000 })
  const call = async (method: 'GET' | 'POST', path: string, headers: Record<string, string>, body?: object): Promise<Answer> => {
    const started = performance.now()
    const { status, json } = await pool.request({ method, path, headers, ...(body && { body: JSON.stringify(body) }) })
      .then(async answer => ({ status: answer.statusCode, json: await answer.body.json() }))
      .catch(error => ({ status: 0, json: { title: error.message } }))
    return { status, ms: performance.now() - started, body: json as Answer['body'] } // Problems and replies alike are objects.
  }
  const post = (path: string, { address }: Person, body: object) => call('POST', path, { 'content-type': 'application/json', 'x-forwarded-for': address }, body)

  return {
    login: (person: Person) => post('/login', person, { username: person.username, password }),
    resend: (person: Person, challengeToken = '') => post('/resend', person, { challengeToken }),
    verify: (person: Person, challengeToken = '', code: string) => post('/verify', person, { challengeToken, code }),
    refresh: (person: Person, refreshToken = '') => post('/refresh', person, { refreshToken }),
    me: ({ address }: Person, accessToken = '') => call('GET', '/me', { authorization: `Bearer ${accessToken}`, 'x-forwarded-for': address }),
    get: (path: string) => call('GET', path, {}),
    close: () => pool.destroy()
  }
}

/** Both steps of a login; `verify` is undefined where the first was refused. */
export type Flow = { login: Answer, verify: Answer | undefined }

/** Logs somebody in, as a person with the phone at hand does. */
export async function flow (client: Client, phones: Phones, person: Person): Promise<Flow> {
  const login = await client.login(person)
  if (login.status !== 200) return { login, verify: undefined }
  return { login, verify: await client.verify(person, login.body['challengeToken'], phones.codeOf(person.phone)) }
}

/** The answer, if it is what was to be expected. Throws otherwise: a bench of refusals would look fast. */
export function expectOk (answer: Answer | undefined): Answer {
  if (answer?.status !== 200) throw new Error(`expected 200, not ${answer?.status ?? 'nothing'}: ${answer?.body['title']} ${answer?.body['detail'] ?? ''}`)
  return answer
}

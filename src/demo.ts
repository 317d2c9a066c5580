import { randomBytes } from 'node:crypto'
import type { Passwords } from './domain/passwords.ts'
import type { UserDirectory } from './domain/user-directory.ts'

/** Makes a person named `demo` where there is nobody yet, and returns the password, which is not kept. */
export async function addDemoUser (users: UserDirectory, passwords: Passwords): Promise<string | undefined> {
  if (!await users.isEmpty()) return undefined
  const password = randomBytes(9).toString('base64url')
  // A number reserved for fiction: nobody has it.
  const added = await users.add({ username: 'demo', phone: '+12025550106', passwordDigest: await passwords.hash(password) })
  return added ? password : undefined
}

/** What a stranger needs to read at the start, outside production. */
export const greeting = (url: string, password: string | undefined) => `
  sms-login listens on ${url}. No Twilio is configured, so the codes are printed here.
${password === undefined ? returning(url) : firstSteps(url, password)}
`

const returning = (url: string) => `
  Open ${url} in a browser to log in.
  Who may log in: npm run users -- list. A forgotten password: npm run users -- set-password <username>`

const firstSteps = (url: string, password: string) => `
  There is a user to try it with: demo, password ${password} (shown this once).
  Open ${url} in a browser, or paste these three lines into another terminal, one after another:

  1. Log in. The code then appears here, as a text message would.
LOGIN=$(${curl(url, '/login', `'{"username":"demo","password":"${password}"}'`)}); echo "$LOGIN"

  2. Type the code, get the tokens. Too late or mistyped? Paste this line again, or start at 1.
printf 'Code: '; read -r CODE; TOKENS=$(${curl(url, '/verify', `'{"challengeToken":"'"${field('LOGIN', 'challengeToken')}"'","code":"'"$CODE"'"}'`)}); echo "$TOKENS"

  3. Use the access token.
curl -sS ${url}/me -H "authorization: Bearer ${field('TOKENS', 'accessToken')}"; echo`

const curl = (url: string, path: string, body: string) => `curl -sS ${url}${path} -H 'content-type: application/json' -d ${body}`

/** Shell for one string field of a JSON object in a variable. */
const field = (variable: string, name: string) => `$(printf %s "$${variable}" | sed 's/.*"${name}":"\\([^"]*\\)".*/\\1/')`
